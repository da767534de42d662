import type { Rule } from '../engine/index.ts'

/** How rules say what may not stand beside a secret: `(?:^|[^A-Za-z0-9_-])` before it, `(?:[^A-Za-z0-9_-]|$)` behind it. */
const before = /\(\?:\^\|\[\^([^\]]+)\]\)/g
const behind = /\(\?:\[\^([^\]]+)\]\|\$\)/g

const wordEdge = /\\b(?=\w|\(\?:\w)/g
/** What is escaped, a class, or a quote. */
const quotes = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|"/g
/** What a secret ends with. */
const lastClass = /\[([^\]]+)\]\{[0-9]+(?:,[0-9]+)?\}\)+$/
/** Words that somebody put behind it, where the secret itself may have `-` and `_` in it. */
const words = '(?:[_-](?:[a-z]+|[A-Z]+|[0-9]+)){0,3}'

/** Of these a checksum decides, which nothing else has: what stands beside them says nothing. */
const summed: ReadonlySet<string | undefined> = new Set(['github-crc32', 'npm-crc32'])

/**
 * A rule with all that a boundary is in texts. What is escaped counts as what it stands for: behind `\n`, `\t`, `\u0022`, `\x3d`, `%3D`, `%253D`
 * and `=3D` (of mails) begins a word, as it does behind a colour of a terminal and a short option (`-pTOKEN`); and quotes may be those of a
 * string in a string. So for all rules. Beside what is `distinct` may also stand `-`, `_` and, where the beginning has a `-`, `_` or `.` in it,
 * letters of the other case: `backup-TOKEN`, `TOKEN-old`. Where a checksum decides, anything may.
 */
export function withBoundaries(rule: Rule): Rule {
  if (rule.pattern === '') return rule
  const pattern = summed.has(rule.check)
    ? rule.pattern.replace(before, '').replace(behind, '')
    : readBehind(rule, readBefore(rule, readQuotes(rule)))
  if (pattern === rule.pattern) return rule
  // In a string in a string a backslash stands before the second quote.
  const more = rule.keywords.filter((one) => one.endsWith('"')).map((one) => `${one.slice(0, -1)}\\`)
  return { ...rule, pattern, keywords: [...rule.keywords, ...more] }
}

/** A password may have backslashes itself: one that ends before `\"` would not be told from it. */
function readQuotes({ pattern, check }: Rule): string {
  if (check === 'password') return pattern
  return pattern.replace(quotes, (as) =>
    as === '"' ? '\\\\*"' : as.startsWith('["') ? `(?:\\\\*${as})` : as,
  )
}

function readBefore(rule: Rule, pattern: string): string {
  return pattern.replace(wordEdge, '(?:\\b|\\\\[nrt])').replace(before, (_, word: string) => {
    const others = rule.distinct === true ? joined(rule) : word
    return `(?:^|[^${others}]|${escaped(others)})`
  })
}

function readBehind({ distinct }: Rule, pattern: string): string {
  if (distinct !== true) return pattern
  return pattern.replace(behind, (as, word: string, at: number) => {
    if (!word.includes('_-')) return as
    const last = lastClass.exec(pattern.slice(0, at))?.[1]
    return last?.includes('_') === true ? `${words}${as}` : `(?:[^${word.replace('_-', '')}]|$)`
  })
}

/** What may not stand before what is distinct. */
function joined({ keywords }: Rule): string {
  if (!keywords.every((keyword) => /^[A-Za-z0-9].*[._-]/.test(keyword))) return 'A-Za-z0-9'
  return /^[a-z]/.test(keywords[0] ?? '') ? 'a-z' : 'A-Z0-9'
}

const hex = '[0-9A-Fa-f]'
/** `\n` and its like, and in octal digits. */
const letters = '\\\\(?:[abefnrtv]|[0-3]?[0-7]{1,2})'
/** What stands before two hex digits: of `\u201c` the first two say nothing; `=3D` is of mails (RFC 2045, 6.7). */
const numbered = `(?:\\\\x|\\\\u${hex}${hex}|%(?:25)*|=)`
const colour = '\\[[0-9;]*[mK]'
const option = '(?:^|[^A-Za-z0-9_-]|\\\\[nrt])-[A-Za-z]'

/** Escapes of what is none of these characters, and what else ends with a letter and is no part of a word. */
function escaped(word: string): string {
  return `${letters}|${numbered}${pairsBeside(word)}|${colour}|${option}`
}

/** The two digits of each byte that is none of these characters, as a pattern: `(?:2[0-9A-CE-F]|40|...)`. */
function pairsBeside(word: string): string {
  const isOf = new RegExp(`[${word}]`)
  const rows = Map.groupBy('01234567', (high) =>
    Array.from('0123456789abcdef', (low) => {
      const char = String.fromCharCode(Number.parseInt(high + low, 16))
      return isOf.test(char) ? '' : low < 'a' ? low : low + low.toUpperCase()
    }).join(''),
  )
  rows.delete('')
  const ascii = [...rows].map(
    ([lows, highs]) => `[${highs.join('')}]${lows.length === 22 ? hex : `[${lows}]`}`,
  )
  return `(?:${[...ascii, `[89A-Fa-f]${hex}`].join('|')})`
}
