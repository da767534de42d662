import {
  beginsWith,
  either,
  endsWith,
  exact,
  fails,
  holds,
  includes,
  isEqual,
  unsure,
  type Outcome,
  type Words,
} from './words.ts'

/** A pattern between slashes, as far as trust rules can say it. */
export interface TextPattern {
  readonly matches: (words: Words) => Outcome
  /** Of the texts that it matches, as a trust rule's pattern; undefined where it says no beginning. */
  readonly text?: string
  /** It has more than this pattern. */
  readonly isWider?: true
}

const literal = String.raw`(?:[\w@-]|\\[./+-])`

/**
 * `/^v/`, `/^v.*$/`, `/^main$/`, `/-rc/`, `/-rc$/`. Of another one only what it surely begins with is known. `isWhole`: it has to match all
 * of the text. `isGuarded`: whoever trusts its texts asks that they are protected, and may trust all that begin so.
 */
export function textPattern(
  source: string,
  { isWhole = false, isGuarded = false }: { readonly isWhole?: boolean; readonly isGuarded?: boolean } = {},
): TextPattern {
  const inner = /^\/(.*)\/$/.exec(source)?.[1]
  const [, start = '', plain = '', rest = ''] =
    new RegExp(`^(\\^?)(${literal}*)(.*)$`).exec(inner ?? '(') ?? []
  const text = plain.replaceAll('\\', '')
  const isStart = start !== '' || isWhole
  const isEnd = rest === '$' || (isWhole && rest === '')
  if (isStart && isEnd) return { matches: (words) => isEqual(words, exact(text)), text }
  if (isStart && ((rest === '' && !isWhole) || /^\.\*\$?$/.test(rest)))
    return { matches: (words) => beginsWith(words, text), text: `${text}*` }
  if (!isStart && rest === '') return { matches: (words) => includes(words, text) }
  if (!isStart && rest === '$') return { matches: (words) => endsWith(words, text) }
  // The sign before a `?` or `*` may be missing; of choices nobody knows the beginning.
  const sure = /^[?*{]/.test(rest) ? text.slice(0, -1) : text
  if (!isStart || sure === '' || rest.includes('|')) return { matches: notKnown }
  return {
    matches: (words) => {
      if (words.is === 'untold') return either
      if (beginsWith(words, sure) === fails) return fails
      return isGuarded && words.is === 'prefix' && words.text === sure ? holds : unsure
    },
    ...(isGuarded ? { text: `${sure}*`, isWider: true as const } : {}),
  }
}

function notKnown(words: Words): Outcome {
  return words.is === 'untold' ? either : unsure
}
