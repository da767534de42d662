import { escapeUnseen, messageOf } from '../../lib/index.ts'
import type { Budget } from './budget.ts'
import type { Flow } from './flow.ts'
import type { Position, UnpackOptions, UnseenCode } from './model.ts'

/** Where in a file an unpacking is. */
export interface Walk {
  readonly name: string
  readonly options: UnpackOptions
  readonly budget: Budget
  /** Archives around it. */
  readonly depth: number
  readonly decoded: readonly string[]
  /** How many encodings are around it, as base64 in base64. */
  readonly encodings: number
  /** The bytes of a text in UTF-16, which is decoded already. */
  readonly isUtf16?: true
  /** Of all that is in it, if it stands encoded in a text: the place of that. */
  readonly place?: Position
  /** See `UnpackOptions.member`. */
  readonly member?: UnpackOptions['member']
  /** Visits what is in these bytes, whatever they are. */
  readonly open: (walk: Walk, flow: Flow) => Promise<void>
}

/** Says what was not looked at: of one file a thing only once, if it is about the file, and not without end. */
export function say({ name, options, budget }: Walk, code: UnseenCode, why: string): void {
  // What breaks off since no more is unpacked is not broken.
  if (code === 'broken' && budget.isSpent()) return
  if (budget.tells(code === 'limit' ? why : `${name} ${why}`)) options.unseen({ name, code, why })
}

/** What keeps an unpacking from going on: something about the file, which is said. */
export class Stopped extends Error {
  readonly code: UnseenCode

  constructor(code: UnseenCode, message: string) {
    super(message)
    this.code = code
  }
}

/** For `flowOf`: says what ended an unpacking. Whatever a decompressor throws is about its input. */
export function stopped(walk: Walk): (error: unknown) => void {
  return (error) =>
    error instanceof Stopped
      ? say(walk, error.code, error.message)
      : say(walk, 'broken', `it cannot be unpacked to its end: ${messageOf(error)}`)
}

/** A walk within one more archive; undefined, and said, if those are too many. */
export function deeper(walk: Walk): Walk | undefined {
  const { depth } = walk.budget.limits
  if (walk.depth < depth) return { ...walk, depth: walk.depth + 1 }
  say(walk, 'limit', `it is an archive in more than ${depth} others, and was not unpacked`)
  return undefined
}

/** A walk into a member of an archive; undefined, and said, if those are too many. */
export function memberOf(walk: Walk, rawName: string): Walk | undefined {
  const { budget } = walk
  if (budget.member()) return { ...walk, name: memberName(walk.name, rawName, budget.limits.nameBytes) }
  say(walk, 'limit', `it has more than ${budget.limits.members} members, and the others were not looked at`)
  return undefined
}

/** For people, and for reports whose readers take a name for a path: it leads nowhere else, and nothing in it is hidden. */
function memberName(archive: string, raw: string, maxBytes: number): string {
  const parts = raw
    .slice(0, 4 * maxBytes)
    .split(/[/\\]/)
    .filter((part) => part !== '' && part !== '.')
    .map((part) => (part === '..' ? '(up)' : part))
  const name = `${archive}!${escapeUnseen(parts.join('/'))}`
  return name.length <= maxBytes ? name : `${name.slice(0, maxBytes / 2)}…${name.slice(1 - maxBytes / 2)}`
}
