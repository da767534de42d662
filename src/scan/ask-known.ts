import { knownRule, type Found, type KnownSecret } from './findings/index.ts'
import type { Content } from './unpack/index.ts'

/** Where a secret of the vault stands in bytes that were asked about. */
export interface KnownPlace {
  readonly start: number
  readonly end: number
  readonly known: KnownSecret
}

/** Asks a server; rejects if it does not answer. The bytes are the caller's again once it resolves. */
export type AskKnown = (name: string, bytes: Uint8Array) => Promise<readonly KnownPlace[]>

/** What is asked about at once. */
const mostBytes = 1_048_576
/** The longest form of a secret, with the white space that may be in it. */
export const knownOverlap = 4_096
/** Shorter ones are not looked for. */
const leastBytes = 12

/** The secrets of the vault in a content, each once. */
export async function knownIn({ name, bytes, from, to }: Content, ask: AskKnown): Promise<Found[]> {
  const found: Found[] = []
  const last = Math.min(bytes.length, to + knownOverlap)
  let at = Math.max(0, from - knownOverlap)
  for (let ended = 0; last - at >= leastBytes; at += mostBytes - knownOverlap) {
    const end = Math.min(last, at + mostBytes)
    for (const one of await ask(name, bytes.subarray(at, end))) {
      const place = { start: at + one.start, end: Math.min(last, at + one.end) }
      if (place.start < ended || place.end <= place.start) continue
      ended = place.end
      const { known } = one
      found.push({ rule: knownRule, ...place, checked: false, known, note: whose(known) })
    }
    if (end === last) break
  }
  return found
}

function whose({ secret, version, connection, step }: KnownSecret): string {
  return secret === undefined
    ? `the credential that step ${step} was given for connection "${connection}"`
    : `secret "${secret}" of the vault, version ${version}`
}
