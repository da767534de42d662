import type { Position, UnpackOptions, UnseenCode } from './model.ts'
import type { Budget } from './budget.ts'

/** Where in a file an unpacking is. */
export interface Walk {
  readonly name: string
  readonly options: UnpackOptions
  readonly budget: Budget
  /** Archives around it. */
  readonly depth: number
  readonly decoded: readonly string[]
  /** Of all that is in it, if it stands encoded in a text: the place of that. */
  readonly place?: Position
}

export function say(walk: Walk, code: UnseenCode, why: string): void {
  walk.options.unseen({ name: walk.name, code, why })
}
