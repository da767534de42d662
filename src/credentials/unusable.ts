import { MayflyError } from '../lib/index.ts'
import type { Plain } from './issuer.ts'

/**
 * Thrown by `mint` where an upstream has made a credential that nobody is to have: it lives, so it is kept and ended as a good one is.
 */
export class Unusable extends MayflyError {
  /** Has the credential, so it is private: whoever prints an error prints no such field. */
  readonly #handle: Plain

  constructor({ code, message }: MayflyError, handle: Plain) {
    super(code, message)
    this.#handle = handle
  }

  /** As `Minted.handle`. */
  handle(): Plain {
    return this.#handle
  }
}

/** What `read` makes of an answer. What it throws is `Unusable`, where the answer says enough for `handle` to end what was made. */
export function orUnusable<T>(handle: Plain | undefined, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (handle === undefined || !(error instanceof MayflyError)) throw error
    throw new Unusable(error, handle)
  }
}
