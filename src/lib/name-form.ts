import { compilePattern, didYouMean } from './pattern.ts'

/** What names of one sort look like, so that a pattern that no such name can match is told from one that works. */
export interface NameForm {
  /** What a name of this form is, in words that follow "is": `a number`. */
  readonly rule: string
  is(name: string): boolean
  /** Is there a name of this form that the pattern matches? `*` in it stands for any characters. */
  possible(pattern: string): boolean
  /** What was probably meant by a pattern that matches none: one that matches some; undefined if nothing is near. */
  meant(pattern: string): string | undefined
}

/** A form that can give an example. */
export interface SampledForm extends NameForm {
  /** A name of this form that the pattern matches; undefined if there is none. */
  witness(pattern: string): string | undefined
}

const maxTries = 4_096

/**
 * A form told by a test. A witness is sought by putting each of `fillers` in the place of each `*`: they must be
 * enough to find one if there is one. `mend` turns another spelling into ours.
 */
export function formOf(rule: {
  readonly rule: string
  readonly is: (name: string) => boolean
  readonly fillers: readonly string[]
  readonly mend?: (pattern: string) => string
}): SampledForm {
  const { is, fillers, mend } = rule
  const witness = (pattern: string) => {
    const [first = '', ...rest] = pattern.replaceAll(/\*+/g, '*').split('*')
    let tried = [first]
    for (const part of rest) {
      if (tried.length * fillers.length > maxTries) tried = tried.slice(0, 1)
      tried = tried.flatMap((head) => fillers.map((filler) => head + filler + part))
    }
    return tried.find(is)
  }
  return {
    rule: rule.rule,
    is,
    witness,
    possible: (pattern) => witness(pattern) !== undefined,
    meant(pattern) {
      const mended = mend?.(pattern)
      const helps = mended !== undefined && mended !== pattern && witness(mended) !== undefined
      return helps ? mended : undefined
    },
  }
}

/** One of a few known values. */
export function formOfValues(
  values: readonly string[],
  meant: (pattern: string) => string | undefined = (pattern) => didYouMean(pattern, values),
  rule = `one of ${values.join(', ')}`,
): NameForm {
  const possible = (pattern: string) => values.some((value) => compilePattern(pattern).matches(value))
  return { rule, is: (name) => values.includes(name), possible, meant }
}

/**
 * Names of a fixed shape, each character of it one of `0` (a digit), `h` (a digit or a to f), or itself. Where an `h` is to be
 * itself, `hex` is the character that stands for a digit or a to f.
 */
export function formOfTemplates(rule: string, templates: readonly string[], hex = 'h'): SampledForm {
  const witness = (pattern: string) => {
    for (const template of templates) {
      const found = fill(pattern.replaceAll(/\*+/g, '*'), template, hex)
      if (found !== undefined) return found
    }
    return undefined
  }
  const meant = (pattern: string) => {
    const lower = pattern.toLowerCase()
    return lower !== pattern && witness(lower) !== undefined ? lower : undefined
  }
  const possible = (pattern: string) => witness(pattern) !== undefined
  return { rule, is: (name) => !name.includes('*') && possible(name), witness, possible, meant }
}

/** The first text of this shape that the pattern matches. Time grows with the product of their lengths. */
function fill(pattern: string, template: string, hex: string): string | undefined {
  const dead = new Set<number>()
  function from(i: number, j: number): string | undefined {
    const key = i * (template.length + 1) + j
    if (dead.has(key)) return undefined
    const found = tryFrom(i, j)
    if (found === undefined) dead.add(key)
    return found
  }
  function tryFrom(i: number, j: number): string | undefined {
    if (i === pattern.length) return j === template.length ? '' : undefined
    const char = pattern[i] ?? ''
    const place = template[j]
    if (char === '*') {
      const skipped = from(i + 1, j)
      if (skipped !== undefined || place === undefined) return skipped
      const rest = from(i, j + 1)
      return rest === undefined ? undefined : (place === hex ? '0' : place) + rest
    }
    if (place === undefined || !fits(char, place, hex)) return undefined
    const rest = from(i + 1, j + 1)
    return rest === undefined ? undefined : char + rest
  }
  return pattern.length > 4 * template.length ? undefined : from(0, 0)
}

function fits(char: string, place: string, hex: string): boolean {
  if (place === hex) return /^[0-9a-f]$/.test(char)
  return place === '0' ? /^[0-9]$/.test(char) : char === place
}
