import { inspect } from 'node:util'

const redacted = '[secret]'

/**
 * A value that cannot be printed, logged, serialised or inspected by accident.
 * The only way to it is `reveal()`, which a reviewer can search for.
 */
export class Secret<T = string> {
  readonly #value: T
  /** What it is called, for people: the variable it came from. Never a part of the value. */
  readonly name: string | undefined

  constructor(value: T, name?: string) {
    this.#value = value
    this.name = name
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return redacted
  }

  toJSON(): string {
    return redacted
  }

  [Symbol.toPrimitive](): string {
    return redacted
  }

  [inspect.custom](): string {
    return redacted
  }
}
