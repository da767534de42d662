import {
  bytesOf,
  byteSet,
  inverted,
  namedSets,
  perlSets,
  unicodeSets,
  union,
  withoutCase,
  type ByteSet,
} from './bytes.ts'
import { refusePattern, type Cursor, type Flags } from './syntax.ts'

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 }

/** What an escape stands for: a set (`\d`), or one code point (`\.`, `\x41`). The cursor is at the backslash. */
export function readEscape(cursor: Cursor): ByteSet | number {
  const from = cursor.at
  const letter = cursor.text[from + 1]
  if (letter === undefined)
    throw refusePattern(cursor, from, 'a backslash ends it; write \\\\ for the backslash itself')
  cursor.at += 2
  const set = perlSets[letter]
  if (set !== undefined) return set
  if (letter === 'p' || letter === 'P') return readUnicodeSet(cursor, from, letter === 'P')
  if (letter === 'x') return readHex(cursor, from)
  const control = controls[letter]
  if (control !== undefined) return control
  if (/[0-7]/.test(letter) && (letter === '0' || /[0-7]/.test(cursor.text[cursor.at] ?? '')))
    return readOctal(cursor, from)
  if (/[1-9]/.test(letter) || letter === 'k')
    throw refusePattern(
      cursor,
      from,
      'a backreference, which no matcher follows in linear time; write what may stand there',
    )
  if (/[A-Za-z0-9]/.test(letter))
    throw refusePattern(cursor, from, 'no escape of RE2; a letter needs no backslash')
  const code = cursor.text.codePointAt(from + 1) as number
  cursor.at = from + 1 + String.fromCodePoint(code).length
  return code
}

function readUnicodeSet(cursor: Cursor, from: number, negated: boolean): ByteSet {
  const [all = '', braced, short] =
    /^(?:\{(\^?\w+)\}|(\w))/.exec(cursor.text.slice(cursor.at, cursor.at + 40)) ?? []
  cursor.at += all.length
  const name = braced ?? short ?? ''
  const set = unicodeSets[name.replace('^', '')]
  if (set === undefined)
    throw refusePattern(
      cursor,
      from,
      `says nothing of bytes; there are ${Object.keys(unicodeSets).join(', ')} (of ASCII), or write a class`,
    )
  return negated === name.startsWith('^') ? set : inverted(set)
}

function readHex(cursor: Cursor, from: number): number {
  const found = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(
    cursor.text.slice(cursor.at, cursor.at + 10),
  )
  const code = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16)
  if (found === null || code > 0x10ffff)
    throw refusePattern(cursor, from, 'no code point; write two hex digits, \\x41, or \\x{1F600}')
  cursor.at += found[0].length
  return code
}

function readOctal(cursor: Cursor, from: number): number {
  const [all = ''] = /^[0-7]{1,3}/.exec(cursor.text.slice(from + 1, from + 4)) ?? []
  cursor.at = from + 1 + all.length
  return Number.parseInt(all, 8) & 0xff
}

/** A class; the cursor is at its `[`. */
export function readClass(cursor: Cursor, flags: Flags): ByteSet {
  const from = cursor.at
  cursor.at += 1
  const negated = cursor.text[cursor.at] === '^'
  if (negated) cursor.at += 1
  const sets: ByteSet[] = []
  const first = cursor.at
  // A `]` that stands first is itself.
  while (cursor.text[cursor.at] !== ']' || cursor.at === first) {
    if (cursor.at >= cursor.text.length)
      throw refusePattern(cursor, from, 'a class that does not end; close it with ]')
    sets.push(readClassItem(cursor))
  }
  cursor.at += 1
  const set = flags.ignoreCase ? withoutCase(union(sets)) : union(sets)
  const result = negated ? inverted(set) : set
  if (!result.includes(1)) throw refusePattern(cursor, from, 'a class that no byte is in; take it out')
  return result
}

function readClassItem(cursor: Cursor): ByteSet {
  const from = cursor.at
  const named = /^\[:(\^?)(\w+):\]/.exec(cursor.text.slice(from, from + 20))
  if (named !== null) {
    cursor.at += named[0].length
    const set = namedSets[named[2] ?? '']
    if (set === undefined)
      throw refusePattern(cursor, from, `no class of POSIX; there are ${Object.keys(namedSets).join(', ')}`)
    return named[1] === '^' ? inverted(set) : set
  }
  const low = readClassMember(cursor)
  if (typeof low !== 'number') return low
  const next = cursor.text[cursor.at + 1]
  if (cursor.text[cursor.at] !== '-' || next === ']' || next === undefined) return byteSet(low, false)
  cursor.at += 1
  const high = readClassMember(cursor)
  if (typeof high !== 'number' || high < low)
    throw refusePattern(cursor, from, 'a range that ends before it begins; write the smaller one first')
  return bytesOf([low, high])
}

function readClassMember(cursor: Cursor): ByteSet | number {
  const from = cursor.at
  const escaped = cursor.text[from] === '\\'
  const member = escaped ? readEscape(cursor) : (cursor.text.codePointAt(from) as number)
  if (!escaped) cursor.at += 1
  // Of an escape it is the byte itself: \x80-\xff.
  if (typeof member === 'number' && member > (escaped ? 0xff : 0x7f))
    throw refusePattern(
      cursor,
      from,
      'not one byte, and patterns are matched over bytes; write it outside of the class, as (?:a|é)',
    )
  return member
}
