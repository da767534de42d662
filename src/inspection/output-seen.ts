import { createHash } from 'node:crypto'
import { limits } from '../lib/index.ts'
import type { Span } from './content-scanner.ts'
import type { Found, FoundSecret, RuleFinding } from './found.ts'

/** What was found in the output of one step so far: what is listed in entries, what is only counted, and what its runner masks. */
export interface SeenOutput {
  /** What is new: to be listed, and the rest, for which entries have a count alone. */
  fresh(found: Found): { readonly listed: Found; readonly rest: Some }
  /** It is in the log: from now on it is not new. */
  recorded(some: Some): void
  /** So many more have to be told. */
  count(outcome: Counted, more: number): void
  /** How many of them are due: the first at once, later ones when they are as many as were told before; at the end all. */
  due(outcome: Counted, isEnd?: boolean): number
  told(outcome: Counted, more: number): void
  /**
   * Each text once, what is ours first, as many as a runner masks. What stands before `from`, and was handed out with the piece before,
   * is left out.
   */
  maskable(spans: CollectedSpans, bytes: Buffer, from: number): Maskable
  /** Its runner has them. */
  handed(maskable: Maskable): void
}

interface CollectedSpans {
  readonly ours: readonly Span[]
  readonly byRules: readonly Span[]
}

export interface Maskable {
  readonly spans: readonly Span[]
  /** How many others there are. */
  readonly beyond: number
  /** Digests of the texts. */
  readonly texts: ReadonlySet<number>
}

type Some = Pick<Found, 'secrets' | 'findings'>
export type Counted = 'masked' | 'passed'

/** A step that writes secrets without end has these listed, of what rules find; noise takes no room of what is ours. */
const mostListed = 200
/** So many are told apart; of more it is only known that they were there. */
const mostKnown = 10_000
/** The others that a runner masks are left for what is ours. */
const mostMaskedByRules = limits.maskedOfStep - 1_000

export function createSeenOutput(): SeenOutput {
  const [ours, byRules] = [new Set<string>(), new Set<string>()]
  const open: Record<Counted, number> = { masked: 0, passed: 0 }
  const toldBefore: Record<Counted, number> = { masked: 0, passed: 0 }
  /** Of each text so much of a digest as tells it from others: none is kept. */
  const masked = new Set<number>()
  let listed = 0

  return {
    fresh(found) {
      const rest: { secrets: FoundSecret[]; findings: RuleFinding[] } = { secrets: [], findings: [] }
      const here = new Set<string>()
      const secrets = found.secrets.filter((one) => {
        const key = keyOf(one)
        if (ours.has(key) || here.has(key)) return false
        const hasRoom = ours.size + here.size < mostKnown
        here.add(key)
        if (!hasRoom) rest.secrets.push(one)
        return hasRoom
      })
      const hereByRules = new Set<string>()
      let room = mostListed - listed
      const findings = found.findings.filter((one) => {
        const key = ruleKeyOf(one)
        if (byRules.has(key) || hereByRules.has(key)) return false
        hereByRules.add(key)
        if (room-- > 0) return true
        rest.findings.push(one)
        if (byRules.size < mostKnown) byRules.add(key)
        return false
      })
      return { listed: { ...found, secrets, findings }, rest }
    },
    recorded({ secrets, findings }) {
      for (const one of secrets) ours.add(keyOf(one))
      for (const one of findings) byRules.add(ruleKeyOf(one))
      listed += findings.length
    },
    count: (outcome, more) => void (open[outcome] += more),
    due: (outcome, isEnd = false) => (isEnd || open[outcome] >= toldBefore[outcome] ? open[outcome] : 0),
    told(outcome, more) {
      open[outcome] -= more
      toldBefore[outcome] += more
    },
    maskable({ ours: first, byRules: then }, bytes, from) {
      const byText = new Map<number, Span>()
      const beyond = new Set<number>()
      let fresh = 0
      const take = (span: Span, most: number) => {
        const text = digestOf(bytes.subarray(span.from, span.to))
        if (byText.has(text) || (span.to <= from && masked.has(text))) return
        const length = span.to - span.from
        const isLike = length >= limits.leastMaskedBytes && length <= limits.mostMaskedBytes
        const hasRoom = masked.has(text) || masked.size + fresh < most
        if (!isLike || !hasRoom || byText.size >= limits.maskedAtOnce) {
          // It was counted with the piece before.
          if (span.to > from) beyond.add(text)
          return
        }
        if (!masked.has(text)) fresh++
        byText.set(text, span)
      }
      for (const span of first) take(span, limits.maskedOfStep)
      for (const span of then) take(span, mostMaskedByRules)
      return { spans: [...byText.values()], beyond: beyond.size, texts: new Set(byText.keys()) }
    },
    handed({ texts }) {
      for (const text of texts) masked.add(text)
    },
  }
}

function digestOf(text: Buffer): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6)
}

/**
 * Another lease of a connection is another secret, one that is certain now was not answered before, and that it was masked as it is
 * says nothing of another form.
 */
function keyOf({ owner, fingerprint, isCertain, isMasked: masked }: FoundSecret): string {
  return `${fingerprint} ${owner.kind === 'credential' ? owner.lease : ''} ${isCertain} ${masked}`
}

function ruleKeyOf(one: RuleFinding): string {
  return `${one.finding.fingerprint} ${isMasked(one)}`
}

/** It stands in the output as it is, and is not only possible. */
export function isMasked(one: FoundSecret | RuleFinding): boolean {
  if ('owner' in one) return one.isMasked
  const { decoded, confidence } = one.finding
  return decoded.length === 0 && confidence !== 'possible'
}
