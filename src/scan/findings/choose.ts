import { rankOf, type Confidence, type Found } from './model.ts'

/** A secret, by the rule that says most of it. */
export interface Chosen extends Found {
  readonly alsoFoundBy: readonly string[]
}

/**
 * Of hits that have bytes in common one stays: a rule of its kind before those that go by where it stands and by names, then the surest,
 * then the one whose check held, then the longest. In the order in which they stand.
 */
export function chooseHits(hits: readonly Found[]): Chosen[] {
  const taken: { hit: Found; others: Set<string> }[] = []
  // Sorted by start, with nothing in common: who has bytes in common with a new one is beside its place.
  for (const hit of hits.toSorted(surerFirst)) {
    const at = placeIn(taken, hit.start)
    const [before, after] = [taken[at - 1], taken[at]]
    const same = [before, after].find((one) => one !== undefined && overlaps(one.hit, hit))
    if (same === undefined) taken.splice(at, 0, { hit, others: new Set() })
    else if (same.hit.rule.id !== hit.rule.id) same.others.add(hit.rule.id)
  }
  return taken.map(({ hit, others }) => ({ ...hit, alsoFoundBy: [...others] }))
}

function surerFirst(a: Found, b: Found): number {
  return (
    generalityOf(a) - generalityOf(b) ||
    rankOf(sureOf(b)) - rankOf(sureOf(a)) ||
    Number(b.checked) - Number(a.checked) ||
    b.end - b.start - (a.end - a.start) ||
    a.start - b.start ||
    (a.rule.id < b.rule.id ? -1 : 1)
  )
}

/** How sure a hit is. */
export function sureOf({ rule, confidence }: Found): Confidence {
  return confidence ?? rule.confidence
}

/** -1 for what its server says, 0 for a rule of one kind, 1 for one that goes by where a secret stands, 2 for one that goes by names alone. */
function generalityOf({ rule, known }: Found): number {
  if (known !== undefined) return -1
  return rule.finder?.startsWith('named-') === true ? 2 : rule.general === true ? 1 : 0
}

/** The first that starts at or behind `start`. */
function placeIn(taken: readonly { readonly hit: Found }[], start: number): number {
  let [low, high] = [0, taken.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((taken[middle]?.hit.start ?? 0) < start) low = middle + 1
    else high = middle
  }
  return low
}

function overlaps(a: Found, b: Found): boolean {
  return a.start < b.end && b.start < a.end
}
