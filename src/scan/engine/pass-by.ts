import { lowerCase, maxSpelled, membersOf, sizeOf, type ByteSet } from './bytes.ts'
import type { Rule } from './model.ts'
import { parsePattern } from './parse.ts'
import type { Node } from './syntax.ts'

/** Does its pattern match a text that spells out none of its keywords? That would not be found. */
export function canPassBy(rule: Pick<Rule, 'keywords' | 'pattern' | 'ignoreCase'>): boolean {
  const words = rule.keywords.map((keyword) => keyword.toLowerCase())
  const { root } = parsePattern(rule.pattern, { ignoreCase: rule.ignoreCase === true })
  return pass(root, nothingSpelled, words).size > 0
}

/** What may have been spelled so far: beginnings of keywords, at the end of what was read. */
type Spelled = ReadonlySet<string>

/** What may be spelled after the node, without a keyword having been; nothing if that cannot be. */
function pass(node: Node, before: Spelled, words: readonly string[]): Spelled {
  if (before.size === 0) return before
  switch (node.kind) {
    case 'bytes':
      return sizeOf(node.set) > maxSpelled ? nothingSpelled : spell(before, node.set, words)
    case 'sequence':
      return node.items.reduce((spelled, item) => pass(item, spelled, words), before)
    case 'choice':
      return node.items.map((item) => pass(item, before, words)).reduce(both)
    case 'group':
      return pass(node.item, before, words)
    case 'assert':
      return before
    case 'repeat':
      return passRepeat(node, before, words)
  }
}

function passRepeat(node: Node & { kind: 'repeat' }, before: Spelled, words: readonly string[]): Spelled {
  let spelled = before
  let all: Spelled = new Set()
  for (let times = 0; times <= node.max; times++) {
    if (times >= node.min) {
      const size = all.size
      all = both(all, spelled)
      if (all.size === size) return all
    }
    const next = pass(node.item, spelled, words)
    // As the one before: so are all that follow.
    if (next.size === spelled.size && both(next, spelled).size === next.size) return both(all, next)
    spelled = next
  }
  return all
}

const nothingSpelled: Spelled = new Set([''])

function both(a: Spelled, b: Spelled): Spelled {
  return new Set([...a, ...b])
}

function spell(before: Spelled, set: ByteSet, words: readonly string[]): Spelled {
  const after = new Set<string>()
  const letters = membersOf(set).map((byte) => String.fromCharCode(lowerCase(byte)))
  for (const spelled of before) {
    for (const letter of letters) {
      let text = spelled + letter
      if (words.some((word) => text.endsWith(word))) continue
      while (!words.some((word) => word.startsWith(text))) text = text.slice(1)
      after.add(text)
    }
  }
  return after
}
