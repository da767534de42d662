import { always, leaf, type Condition } from './condition.ts'
import { unsure } from './words.ts'

const maxChars = 4_000
const maxDepth = 40

/** Neither holds nor fails for certain. */
export const notUnderstood: Condition = leaf(() => unsure)

/**
 * A condition of terms, `&&`, `||`, `!` and brackets, with each term as `readTerm` understands it. One that is not such a text is not
 * understood.
 */
export function conditionOf(text: string, readTerm: (term: string) => Condition): Condition {
  if (text.trim() === '') return always
  return text.length > maxChars ? notUnderstood : parsed(text, readTerm, 0)
}

function parsed(text: string, readTerm: (term: string) => Condition, depth: number): Condition {
  if (depth > maxDepth) return notUnderstood
  const own = text.trim()
  const marks = marksOf(own)
  if (marks === undefined || own === '') return notUnderstood
  for (const [sign, is] of [
    ['||', 'any'],
    ['&&', 'all'],
  ] as const) {
    const at = marks.filter((mark) => own.startsWith(sign, mark))
    if (at.length === 0) continue
    const edges = [-2, ...at, own.length]
    const of = edges.slice(1).map((edge, i) => own.slice((edges[i] ?? 0) + 2, edge))
    return { is, of: of.map((one) => parsed(one, readTerm, depth + 1)) }
  }
  const hasComparison = marks.some((mark) => /^(?:[=!]=|[=!]~|[<>])/.test(own.slice(mark)))
  if (own.startsWith('!') && !/^![=~]/.test(own))
    // `!a == b` is `(!a) == b`.
    return hasComparison ? notUnderstood : { is: 'not', of: parsed(own.slice(1), readTerm, depth + 1) }
  if (own.startsWith('(')) {
    return own.endsWith(')') && closing(own) === own.length - 1
      ? parsed(own.slice(1, -1), readTerm, depth + 1)
      : notUnderstood
  }
  return readTerm(own)
}

/** Where signs stand that are in no bracket, no quotes and no pattern between slashes; undefined if one of these does not end. */
function marksOf(text: string): number[] | undefined {
  const found: number[] = []
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const end = endOfText(text, at)
    if (end === undefined) return undefined
    if (end > at) {
      at = end
      continue
    }
    const sign = text[at] ?? ''
    if (/[([{]/.test(sign)) depth++
    else if (/[)\]}]/.test(sign) && --depth < 0) return undefined
    else if (depth === 0 && /[&|=!<>]/.test(sign)) {
      found.push(at)
      // Its second half is no sign of its own.
      if (/^(?:&&|\|\||[=!<>]=|[=!]~)/.test(text.slice(at))) at++
    }
  }
  return depth === 0 ? found : undefined
}

function closing(text: string): number {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    at = endOfText(text, at) ?? text.length
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at
  }
  return -1
}

/** The last sign of what begins here in quotes or, behind `=~`, between slashes; `at` where nothing does, undefined where it does not end. */
function endOfText(text: string, at: number): number | undefined {
  const sign = text[at] ?? ''
  const isPattern = sign === '/' && /[=!]~\s*$/.test(text.slice(Math.max(0, at - 20), at))
  if (sign !== "'" && sign !== '"' && !isPattern) return at
  for (let end = at + 1; end < text.length; end++) {
    if (isPattern && text[end] === '\\') end++
    else if (text[end] === sign) return end
  }
  return undefined
}
