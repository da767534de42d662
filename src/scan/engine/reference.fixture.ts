import { membersOf, type ByteSet } from './bytes.ts'
import { parsePattern } from './parse.ts'
import type { Assertion, Node } from './syntax.ts'

/** The pattern for JavaScript's own matcher, over texts with a character for each byte. */
export function regExpOf(pattern: string, ignoreCase: boolean, flags: string): RegExp {
  return new RegExp(sourceOf(parsePattern(pattern, { ignoreCase }).root), flags)
}

const assertions: Readonly<Record<Assertion, string>> = {
  start: '(?<![^])',
  end: '(?![^])',
  'line-start': '(?<![^\\n])',
  'line-end': '(?![^\\n])',
  'word-edge': '\\b',
  'no-word-edge': '\\B',
}

function sourceOf(node: Node): string {
  switch (node.kind) {
    case 'bytes':
      return classOf(node.set)
    case 'sequence':
      return node.items.map(sourceOf).join('')
    case 'choice':
      return `(?:${node.items.map(sourceOf).join('|')})`
    case 'group':
      return `(${sourceOf(node.item)})`
    case 'assert':
      return assertions[node.what]
    case 'repeat': {
      const count = `{${node.min},${node.max === Infinity ? '' : node.max}}`
      return `(?:${sourceOf(node.item)})${count}${node.greedy ? '' : '?'}`
    }
  }
}

function classOf(set: ByteSet): string {
  return `[${membersOf(set)
    .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
    .join('')}]`
}
