import { findCandidates, windowTableOf, type Candidate, type WindowTable } from './candidates.ts'
import { stride, type Fingerprint } from './fingerprint.ts'
import { isSameProof, type ProofKey, type WindowKey } from './keys.ts'

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
  /** What a candidate is: held against the proofs of all secrets that have such a form, in constant time each. */
  prove(candidate: Omit<Candidate, 'window'>): KnownHit<Of> | undefined
  /**
   * Both at once, each hit once; `isWhole` is false if there was more to look at than is looked at. `tried` is told of each text that
   * looked like a secret and is none for certain.
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

export function createKnownSecrets<Of>(keys: {
  readonly window: WindowKey
  readonly proof: ProofKey
}): KnownSecrets<Of> {
  const all = new Map<string, { readonly of: Of; readonly fingerprints: readonly Fingerprint[] }>()
  let made:
    | { table: WindowTable; shapes: number; byProof: Map<number, { of: Of; one: Fingerprint }[]> }
    | undefined

  function current() {
    if (made !== undefined) return made
    const every = [...all.values()].flatMap(({ of, fingerprints }) =>
      fingerprints.map((one) => ({ of, one })),
    )
    const byProof = new Map<number, { of: Of; one: Fingerprint }[]>()
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

  const known: KnownSecrets<Of> = {
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
    prove({ start, end, form }) {
      const proof = keys.proof.proofOf(form)
      let hit: { of: Of; one: Fingerprint } | undefined
      // Of what begins alike all are compared, so that the time does not say which one it was.
      for (const each of current().byProof.get(headOf(proof)) ?? [])
        if (isSameProof(proof, each.one.proof) && hit?.one.isCertain !== true) hit = each
      return hit === undefined ? undefined : { of: hit.of, start, end, isCertain: hit.one.isCertain }
    },
    // Of every fourth place one hash, of 32 bits.
    expectedIn: (bytes) => (bytes / stride) * (current().shapes / 2 ** 32),
    find(bytes, tried) {
      const hits: KnownHit<Of>[] = []
      let ended = 0
      const isWhole = findCandidates(
        current().table,
        bytes,
        (candidate) => {
          // Its other windows, and its other forms that look alike.
          if (candidate.start < ended) return
          const hit = known.prove(candidate)
          if (hit?.isCertain !== true) tried?.(candidate.form)
          if (hit === undefined) return
          hits.push(hit)
          ended = hit.end
        },
        maxCandidates,
      )
      return { hits, isWhole }
    },
  }
  return known
}
