import { MayflyError } from '../../lib/index.ts'

/** The head of one object in a pack (gitformat-pack, "Pack Format"). */
export interface EntryHead {
  readonly kind: 'commit' | 'tree' | 'blob' | 'tag' | 'other' | 'delta'
  /** Of the object, or of the delta, inflated. */
  readonly size: number
  /** Of a delta: how far back in the pack its base begins, or the base's id. */
  readonly base: number | string | undefined
  readonly headBytes: number
}

const offsetDelta = 6
const idDelta = 7
const wholeTypes = [1, 2, 3, 4]
const wholeKinds: Readonly<Record<number, 'commit' | 'tree' | 'blob' | 'tag'>> = {
  1: 'commit',
  2: 'tree',
  3: 'blob',
  4: 'tag',
}

/** The longest head: ten bytes of size, and a base. */
export const maxHeadBytes = 10 + 32

/** Reads the head at the start of `bytes`; undefined if more are needed. Throws `bad_input`. */
export function readEntryHead(bytes: Buffer, idBytes: number): EntryHead | undefined {
  let at = 0
  let byte = bytes[at++]
  if (byte === undefined) return undefined
  const type = (byte >> 4) & 7
  let size = byte & 15
  for (let shift = 4; byte & 0x80; shift += 7) {
    byte = bytes[at++]
    if (byte === undefined) return undefined
    // No shifts beyond 32 bits, and nothing that a double cannot hold.
    if (shift > 39) throw new MayflyError('bad_input', 'an object of the pack is too large')
    size += (byte & 0x7f) * 2 ** shift
  }
  if (wholeTypes.includes(type))
    return { kind: wholeKinds[type] ?? 'other', size, base: undefined, headBytes: at }
  if (type === idDelta) {
    if (bytes.length < at + idBytes) return undefined
    const base = bytes.toString('hex', at, at + idBytes)
    return { kind: 'delta', size, base, headBytes: at + idBytes }
  }
  if (type !== offsetDelta)
    throw new MayflyError('bad_input', `the pack has an object of unknown type ${type}`)
  const offset = readBaseOffset(bytes, at)
  return offset && { kind: 'delta', size, base: offset.distance, headBytes: offset.next }
}

/** Each further byte adds one, so that no distance has two forms (gitformat-pack, "offset encoding"). */
function readBaseOffset(bytes: Buffer, start: number): { distance: number; next: number } | undefined {
  let at = start
  let byte = bytes[at++]
  if (byte === undefined) return undefined
  let distance = byte & 0x7f
  while (byte & 0x80) {
    byte = bytes[at++]
    if (byte === undefined) return undefined
    distance = (distance + 1) * 128 + (byte & 0x7f)
    if (distance > Number.MAX_SAFE_INTEGER / 256) throw new MayflyError('bad_input', 'a delta without a base')
  }
  return { distance, next: at }
}

/**
 * What a delta makes of its base (gitformat-pack, "Deltified representation"); undefined if it is not one for this
 * base, or would make more than `maxBytes`.
 */
export function applyDelta(base: Buffer, delta: Buffer, maxBytes: number): Buffer | undefined {
  const from = readSize(delta, 0)
  const to = from && readSize(delta, from.next)
  if (from === undefined || to === undefined || from.size !== base.length || to.size > maxBytes)
    return undefined
  const made = Buffer.alloc(to.size)
  let [at, filled] = [to.next, 0]
  while (at < delta.length) {
    const code = delta[at++] ?? 0
    if (code === 0) return undefined
    let [start, length] = [0, code]
    const copies = (code & 0x80) !== 0
    if (copies) {
      length = 0
      for (let i = 0; i < 7; i++) {
        if ((code & (1 << i)) === 0) continue
        if (at >= delta.length) return undefined
        const value = delta[at++] ?? 0
        if (i < 4) start += value * 2 ** (8 * i)
        else length += value * 2 ** (8 * (i - 4))
      }
      if (length === 0) length = 0x10000
    } else start = at
    const source = copies ? base : delta
    if (start + length > source.length || filled + length > made.length) return undefined
    source.copy(made, filled, start, start + length)
    filled += length
    if (!copies) at += length
  }
  return filled === made.length ? made : undefined
}

function readSize(bytes: Buffer, start: number): { size: number; next: number } | undefined {
  let size = 0
  for (let [at, shift] = [start, 0]; shift <= 42; shift += 7) {
    const byte = bytes[at++]
    if (byte === undefined) return undefined
    size += (byte & 0x7f) * 2 ** shift
    if ((byte & 0x80) === 0) return { size, next: at }
  }
  return undefined
}

/** The commit, or the tag, that an annotated tag names; undefined if it names something else. */
export function targetOf(tag: Buffer, idBytes: number): string | undefined {
  const head = tag.toString('latin1', 0, 200)
  const { id, type } = /^object (?<id>[0-9a-f]+)\ntype (?<type>[a-z]+)\ntag /.exec(head)?.groups ?? {}
  return id?.length === idBytes * 2 && (type === 'commit' || type === 'tag') ? id : undefined
}

/** The parents that a commit names, as git reads them; undefined if it is none that git itself would write. */
export function parentsOf(commit: Buffer, idBytes: number): string[] | undefined {
  const digits = idBytes * 2
  const isId = (at: number) =>
    new RegExp(`^[0-9a-f]{${digits}}\n$`).test(commit.toString('latin1', at, at + digits + 1))
  if (commit.toString('latin1', 0, 5) !== 'tree ' || !isId(5)) return undefined
  const parents: string[] = []
  let at = 5 + digits + 1
  while (commit.toString('latin1', at, at + 7) === 'parent ') {
    if (!isId(at + 7)) return undefined
    parents.push(commit.toString('latin1', at + 7, at + 7 + digits))
    at += 7 + digits + 1
  }
  return commit.toString('latin1', at, at + 7) === 'author ' ? parents : undefined
}
