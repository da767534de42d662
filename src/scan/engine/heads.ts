import { refusePattern, type Cursor, type Flags } from './syntax.ts'

const maxCount = 8192

/** What a quantifier says, if there is one; `{` that begins none is itself. */
export function readCount(cursor: Cursor): { min: number; max: number } | undefined {
  const from = cursor.at
  const char = cursor.text[from]
  const counted = /^\{(\d{1,9})(,?)(\d{0,9})\}/.exec(cursor.text.slice(from, from + 24))
  const simple = char === undefined ? -1 : '*+?'.indexOf(char)
  if (simple >= 0) {
    cursor.at += 1
    return { min: char === '+' ? 1 : 0, max: char === '?' ? 1 : Infinity }
  }
  if (counted === null || (counted[2] === '' && counted[3] !== '')) return undefined
  cursor.at += counted[0].length
  const min = Number(counted[1])
  const max = counted[2] === '' ? min : counted[3] === '' ? Infinity : Number(counted[3])
  if (max < min)
    throw refusePattern(cursor, from, 'a count that ends before it begins; write the smaller one first')
  if (min > maxCount || (max > maxCount && max !== Infinity))
    throw refusePattern(cursor, from, `counts go up to ${maxCount}; write {${Math.min(min, maxCount)},}`)
  return { min, max }
}

type Head =
  | { readonly kind: 'captured' | 'plain'; readonly flags: Flags }
  /** `(?i)`: holds until the group around it ends. */
  | { readonly kind: 'flags'; readonly flags: Flags }

const letters: Readonly<Record<string, keyof Flags>> = {
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  U: 'ungreedy',
}

/** Reads what a group begins with. The cursor is at its `(`; of flags alone it is put behind them, else only if `(` was one of a group. */
export function readGroupHead(cursor: Cursor, flags: Flags): Head {
  const from = cursor.at
  const rest = cursor.text.slice(from, from + 80)
  if (!rest.startsWith('(?')) {
    cursor.at += 1
    return { kind: 'captured', flags }
  }
  const named = /^\(\?P?<([A-Za-z_]\w{0,63})>/.exec(rest)
  if (named !== null) return open(cursor, named[0], { kind: 'captured', flags })
  const flagged = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest)
  if (flagged === null) throw refuseGroup(cursor, from, rest)
  const changed = { ...flags }
  for (const letter of flagged[1] ?? '') changed[letters[letter] as keyof Flags] = true
  for (const letter of flagged[2] ?? '') changed[letters[letter] as keyof Flags] = false
  return open(cursor, flagged[0], { kind: flagged[3] === ')' ? 'flags' : 'plain', flags: changed })
}

function open(cursor: Cursor, head: string, result: Head): Head {
  cursor.at += head.length
  return result
}

function refuseGroup(cursor: Cursor, from: number, rest: string) {
  cursor.at += 4
  const around = /^\(\?<?[=!]/.test(rest)
  return refusePattern(
    cursor,
    from,
    around
      ? 'lookaround, which RE2 has not; match what stands around in the pattern itself, and put the secret into a group'
      : 'a group that RE2 does not have; there are (...), (?:...), (?P<name>...), and flags as in (?i) or (?i:...)',
  )
}
