import { anyByte, anyButNewline, byteSet } from './bytes.ts'
import { readClass, readEscape } from './classes.ts'
import { readCount, readGroupHead } from './heads.ts'
import { refusePattern, type Assertion, type Cursor, type Flags, type Node } from './syntax.ts'

const maxChars = 16_384
const maxDepth = 50

export interface Parsed {
  readonly root: Node
  readonly groups: number
}

/**
 * Reads a pattern in RE2's syntax, over bytes: what is not ASCII is the bytes of its UTF-8, and a class holds bytes. Throws
 * bad_input for what is not in it, backreferences and lookaround among them: which part, why, and what to write.
 */
export function parsePattern(text: string, options: { readonly ignoreCase?: boolean } = {}): Parsed {
  const cursor: Cursor = { text, at: 0, groups: 0, depth: 0 }
  if (text.length > maxChars)
    throw refusePattern(cursor, 0, `longer than ${maxChars} characters; make several rules of it`)
  const flags = { ignoreCase: options.ignoreCase === true, multiline: false, dotAll: false, ungreedy: false }
  const root = readChoice(cursor, flags)
  if (cursor.at < text.length)
    throw refusePattern(cursor, cursor.at, 'closes a group that nothing opened; write \\)')
  return { root, groups: cursor.groups }
}

function readChoice(cursor: Cursor, flags: Flags): Node {
  const branches: Node[] = []
  // Flags that are set in one branch hold in those after it, too.
  let current = flags
  for (;;) {
    const { node, flags: after } = readSequence(cursor, current)
    branches.push(node)
    current = after
    if (cursor.text[cursor.at] !== '|') break
    cursor.at += 1
  }
  return branches.length === 1 ? (branches[0] as Node) : { kind: 'choice', items: branches }
}

function readSequence(cursor: Cursor, flags: Flags): { node: Node; flags: Flags } {
  const items: Node[] = []
  let current = flags
  while (cursor.at < cursor.text.length) {
    const char = cursor.text[cursor.at] as string
    if (char === '|' || char === ')') break
    const from = cursor.at
    const head = char === '(' ? readGroupHead(cursor, current) : undefined
    if (head?.kind === 'flags') {
      current = head.flags
      continue
    }
    cursor.at = from
    const quoted = readQuoted(cursor, current)
    items.push(...(quoted ?? [readRepeat(cursor, current)]))
  }
  const node: Node = items.length === 1 ? (items[0] as Node) : { kind: 'sequence', items }
  return { node, flags: current }
}

/** `\Q...\E`. */
function readQuoted(cursor: Cursor, flags: Flags): Node[] | undefined {
  if (!cursor.text.startsWith('\\Q', cursor.at)) return undefined
  const end = cursor.text.indexOf('\\E', cursor.at)
  const quoted = cursor.text.slice(cursor.at + 2, end === -1 ? undefined : end)
  cursor.at = end === -1 ? cursor.text.length : end + 2
  return Array.from(quoted, (char) => literal(char.codePointAt(0) as number, flags))
}

function readRepeat(cursor: Cursor, flags: Flags): Node {
  const from = cursor.at
  const item = readAtom(cursor, flags)
  const count = readCount(cursor)
  if (count === undefined) return item
  if (item.kind === 'assert') throw refusePattern(cursor, from, 'nothing to repeat; take the quantifier away')
  const lazy = cursor.text[cursor.at] === '?'
  if (lazy) cursor.at += 1
  const again = cursor.at
  if (readCount(cursor) !== undefined)
    throw refusePattern(
      cursor,
      again,
      'a quantifier of a quantifier; put the inner part into a group, or take one away',
    )
  return { kind: 'repeat', item, ...count, greedy: lazy === flags.ungreedy }
}

const assertions: Readonly<Record<string, Assertion>> = {
  '\\A': 'start',
  '\\z': 'end',
  '\\b': 'word-edge',
  '\\B': 'no-word-edge',
}

function readAtom(cursor: Cursor, flags: Flags): Node {
  const from = cursor.at
  const char = cursor.text[from] as string
  if (char === '(') return readGroup(cursor, flags)
  if (char === '[') return { kind: 'bytes', set: readClass(cursor, flags) }
  const assertion = assertions[cursor.text.slice(from, from + 2)]
  if (assertion !== undefined) {
    cursor.at += 2
    return { kind: 'assert', what: assertion }
  }
  if (char === '\\') {
    if (cursor.text[from + 1] === 'C') {
      cursor.at += 2
      return { kind: 'bytes', set: anyByte }
    }
    const escaped = readEscape(cursor)
    if (typeof escaped !== 'number') return { kind: 'bytes', set: escaped }
    // \xff is the byte, as in a class; what no byte can be is its UTF-8.
    return escaped <= 0xff ? byte(escaped, flags) : literal(escaped, flags)
  }
  if ('*+?'.includes(char)) {
    cursor.at += 1
    throw refusePattern(cursor, from, `nothing to repeat; write \\${char} for the character itself`)
  }
  const code = cursor.text.codePointAt(from) as number
  cursor.at += String.fromCodePoint(code).length
  if (char === '^') return { kind: 'assert', what: flags.multiline ? 'line-start' : 'start' }
  if (char === '$') return { kind: 'assert', what: flags.multiline ? 'line-end' : 'end' }
  if (char === '.') return { kind: 'bytes', set: flags.dotAll ? anyByte : anyButNewline }
  return literal(code, flags)
}

function readGroup(cursor: Cursor, flags: Flags): Node {
  const from = cursor.at
  const head = readGroupHead(cursor, flags)
  cursor.depth += 1
  if (cursor.depth > maxDepth)
    throw refusePattern(cursor, from, `more than ${maxDepth} groups within each other; take some away`)
  // Numbered by where they open.
  const index = head.kind === 'captured' ? ++cursor.groups : 0
  const item = readChoice(cursor, head.flags)
  if (cursor.text[cursor.at] !== ')')
    throw refusePattern(cursor, from, 'a group that does not end; close it with )')
  cursor.at += 1
  cursor.depth -= 1
  return index === 0 ? item : { kind: 'group', item, index }
}

function literal(code: number, flags: Flags): Node {
  if (code < 0x80) return byte(code, flags)
  const items = Array.from(Buffer.from(String.fromCodePoint(code)), (one) => byte(one, flags))
  return { kind: 'sequence', items }
}

function byte(value: number, flags: Flags): Node {
  return { kind: 'bytes', set: byteSet(value, flags.ignoreCase) }
}
