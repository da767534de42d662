/** What is known of a text when the pipeline runs: all of it, how it begins, that no token says it, or nothing. */
export type Words =
  | { readonly is: 'exact'; readonly text: string }
  | { readonly is: 'prefix'; readonly text: string }
  | { readonly is: 'untold' }
  | { readonly is: 'unknown' }

/** Of what a condition says of some runs: may it hold for each of them, and may it fail for each of them? */
export interface Outcome {
  readonly canHold: boolean
  readonly canFail: boolean
}

export const holds: Outcome = { canHold: true, canFail: false }
export const fails: Outcome = { canHold: false, canFail: true }
/** What no token says (an output, a variable): either, in each of them. */
export const either: Outcome = { canHold: true, canFail: true }
/** It is one for some and the other for others, or is not understood: of neither anybody may be sure. */
export const unsure: Outcome = { canHold: false, canFail: false }

export const untold: Words = { is: 'untold' }
export const unknown: Words = { is: 'unknown' }

export function exact(text: string): Words {
  return { is: 'exact', text }
}

/** A pattern as trust rules have it: at most one `*`, at its end. */
export function wordsOf(pattern: string): Words {
  return pattern.endsWith('*') ? { is: 'prefix', text: pattern.slice(0, -1) } : exact(pattern)
}

function certain(is: boolean): Outcome {
  return is ? holds : fails
}

export function not({ canHold, canFail }: Outcome): Outcome {
  return { canHold: canFail, canFail: canHold }
}

export function isEqual(one: Words, other: Words): Outcome {
  if (one.is === 'unknown' || other.is === 'unknown') return unsure
  if (one.is === 'untold' || other.is === 'untold') return either
  if (one.is === 'exact' && other.is === 'exact') return certain(one.text === other.text)
  const apart = !one.text.startsWith(other.text) && !other.text.startsWith(one.text)
  const [whole, part] = one.is === 'exact' ? [one, other] : [other, one]
  return apart || (whole.is === 'exact' && !whole.text.startsWith(part.text)) ? fails : unsure
}

export function beginsWith(one: Words, text: string): Outcome {
  if (one.is === 'unknown') return unsure
  if (one.is === 'untold') return either
  if (one.is === 'exact' || one.text.startsWith(text)) return certain(one.text.startsWith(text))
  return text.startsWith(one.text) ? unsure : fails
}

export function endsWith(one: Words, text: string): Outcome {
  if (one.is === 'untold') return either
  return one.is === 'exact' ? certain(one.text.endsWith(text)) : unsure
}

export function includes(one: Words, text: string): Outcome {
  if (one.is === 'untold') return either
  if (one.is === 'unknown') return unsure
  if (one.text.includes(text)) return holds
  return one.is === 'exact' ? fails : unsure
}

export function isSaid(one: Words): Outcome {
  if (one.is === 'unknown') return unsure
  if (one.is === 'untold') return either
  // What only its beginning is known of is a ref: none is empty.
  return one.is === 'exact' && one.text === '' ? fails : holds
}
