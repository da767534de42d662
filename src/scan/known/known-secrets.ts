import { findCandidates, windowTableOf, type WindowTable } from './candidates.ts'
import { stride, type Fingerprint } from './fingerprint.ts'
import { isSameProof, type ProofKey, type WindowKey } from './keys.ts'
import type { Candidate } from './shapes.ts'

export interface KnownHit<Of> {
  readonly of: Of
  readonly start: number
  readonly end: number
  readonly isCertain: boolean
}

/** Secrets that are looked for by their fingerprints. `Of` says whose they are. */
export interface KnownSecrets<Of> {
  add(id: string, of: Of, fingerprints: readonly Fingerprint[]): void
  remove(id: string): void
  has(id: string): boolean
  readonly ids: () => Iterable<string>
  /** By which a policy names one: says nothing of it to whoever has not the key. */
  nameOf(id: string): string
  /** For a thread that scans; the same until something is added or removed. */
  table(): WindowTable
  /** Whose a candidate is, each of them once: held against the proofs of all secrets that have such a form, in constant time each. */
  prove(candidate: Omit<Candidate, 'window'>): readonly KnownHit<Of>[]
  /** Whose this fingerprint is, too. */
  ownersOf(fingerprint: Fingerprint): readonly Of[]
  /**
   * Both at once, in the order in which they begin. Of forms of one secret that overlap the surest and then the longest; one secret
   * hides no other one, however they overlap. `isWhole` is false if there was more to look at than is looked at. `tried` is told of
   * each text that looked like a secret, is none for certain, and does not stand within one that is.
   */
  find(
    bytes: Uint8Array,
    tried?: (form: Buffer) => void,
  ): { readonly hits: readonly KnownHit<Of>[]; readonly isWhole: boolean }
  /** How many such texts there are by chance in so many bytes. */
  expectedIn(bytes: number): number
}

/** Whoever fills a file with the beginning of a secret that they know has us prove nothing all day. */
const maxCandidates = 2_000

/** By which a proof is found; nobody without the key can choose it. */
function headOf(proof: Buffer): number {
  return proof.readUInt32LE(0)
}

interface Entry<Of> {
  readonly id: string
  readonly of: Of
  readonly one: Fingerprint
}

export function createKnownSecrets<Of>(keys: {
  readonly window: WindowKey
  readonly proof: ProofKey
}): KnownSecrets<Of> {
  const all = new Map<string, { readonly of: Of; readonly fingerprints: readonly Fingerprint[] }>()
  let made: { table: WindowTable; shapes: number; byProof: Map<number, Entry<Of>[]> } | undefined

  function current() {
    if (made !== undefined) return made
    const every = [...all].flatMap(([id, { of, fingerprints }]) =>
      fingerprints.map((one) => ({ id, of, one })),
    )
    const byProof = new Map<number, Entry<Of>[]>()
    for (const each of every) {
      const same = byProof.get(headOf(each.one.proof))
      if (same === undefined) byProof.set(headOf(each.one.proof), [each])
      else same.push(each)
    }
    const table = windowTableOf(
      keys.window,
      every.map(({ one }) => one),
    )
    const shapes = [...table.shapes.values()].reduce((sum, { length }) => sum + length, 0)
    made = { table, shapes, byProof }
    return made
  }

  /** By secret. Of what begins alike all are compared, so that the time does not say which one it was. */
  function entriesOf(proof: Buffer): Map<string, Entry<Of>> {
    const found = new Map<string, Entry<Of>>()
    for (const each of current().byProof.get(headOf(proof)) ?? [])
      if (isSameProof(proof, each.one.proof) && found.get(each.id)?.one.isCertain !== true)
        found.set(each.id, each)
    return found
  }

  return {
    add(id, of, fingerprints) {
      all.set(id, { of, fingerprints })
      made = undefined
    },
    remove(id) {
      if (all.delete(id)) made = undefined
    },
    has: (id) => all.has(id),
    ids: () => all.keys(),
    nameOf: (id) => keys.proof.proofOf(Buffer.from(`name ${id}`)).toString('hex'),
    table: () => current().table,
    ownersOf: ({ proof }) => [...entriesOf(proof).values()].map(({ of }) => of),
    prove: ({ start, end, form }) =>
      [...entriesOf(keys.proof.proofOf(form)).values()].map(({ of, one }) => ({
        ...{ of, start, end, isCertain: one.isCertain },
      })),
    // Of every fourth place one hash, of 32 bits.
    expectedIn: (bytes) => (bytes / stride) * (current().shapes / 2 ** 32),
    find(bytes, tried) {
      const found = createHits<Of>()
      const unsure: Candidate[] = []
      const isWhole = findCandidates(
        current().table,
        bytes,
        (candidate) => {
          const { start, end, form } = candidate
          let isCertain = false
          for (const [id, { of, one }] of entriesOf(keys.proof.proofOf(form))) {
            isCertain ||= one.isCertain
            found.add(id, { of, start, end, isCertain: one.isCertain })
          }
          if (!isCertain) unsure.push(candidate)
        },
        maxCandidates,
      )
      const hits = found.all()
      const certain = hits.filter(({ isCertain }) => isCertain)
      for (const { start, end, form } of unsure)
        if (!certain.some((hit) => hit.start <= start && end <= hit.end)) tried?.(form)
      return { hits, isWhole }
    },
  }
}

/** Of each secret one of those that overlap. */
function createHits<Of>() {
  const byId = new Map<string, KnownHit<Of>[]>()
  return {
    add(id: string, hit: KnownHit<Of>): void {
      const known = byId.get(id) ?? []
      byId.set(id, known)
      // Candidates come as their windows stand: only the last ones can overlap.
      for (let last = known.at(-1); last !== undefined; last = known.at(-1)) {
        if (hit.start >= last.end || last.start >= hit.end) break
        if (!isSurer(hit, last)) return
        known.pop()
      }
      known.push(hit)
    },
    all: () => [...byId.values()].flat().toSorted((one, other) => one.start - other.start),
  }
}

function isSurer(one: KnownHit<unknown>, other: KnownHit<unknown>): boolean {
  if (one.isCertain !== other.isCertain) return one.isCertain
  return one.end - one.start > other.end - other.start
}
