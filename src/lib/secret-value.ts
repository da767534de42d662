/** What a value looks like: one line of text, PEM, a JSON object, or several lines of something else. */
export type ValueForm = 'line' | 'pem' | 'json' | 'lines'

/**
 * Looks at a value that somebody gives as a secret, for what is most often not meant. Returns its form, or what is wrong in one
 * line that has nothing of it.
 */
export function readValue(
  value: string,
  how: { multiline?: boolean; asIs?: boolean } = {},
): { ok: true; form: ValueForm } | { ok: false; problem: string } {
  const wrong = (problem: string) => ({ ok: false, problem }) as const
  if (value === '') return wrong('it is empty')
  // Half of a character would be sealed as another character.
  if (!value.isWellFormed()) return wrong('it is not UTF-8 text: seal it in base64')
  const form = formOf(value)
  if (how.asIs === true) return { ok: true, form }
  if (value.startsWith('\u{feff}'))
    return wrong(`it begins with a byte order mark: save it without one, or ${asIs}`)
  // oxlint-disable-next-line no-control-regex -- that is what is looked for
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value)) return wrong(`it has control characters: ${asIs}`)
  if (value.trim() !== value)
    return wrong(`there is white space before or behind it: take that away, or ${asIs}`)
  if (form === 'pem' || form === 'json' || form === 'line' || how.multiline === true)
    return { ok: true, form }
  return wrong(
    value.startsWith('-----BEGIN ')
      ? 'it begins as PEM and is none to its end: it may be cut short; --multiline if it is meant so'
      : 'it has several lines: --multiline if they are meant',
  )
}

const asIs = '--as-is if it is meant'

function formOf(value: string): ValueForm {
  if (!/[\r\n]/.test(value)) return 'line'
  if (isPem(value)) return 'pem'
  return isJsonObject(value) ? 'json' : 'lines'
}

/** Blocks of RFC 7468, one behind the other, each to its end. */
function isPem(value: string): boolean {
  let open: string | undefined
  let blocks = 0
  for (const line of value.trimEnd().split(/\r?\n/)) {
    const edge = /^-----(BEGIN|END) ([A-Z0-9 ]{1,60})-----$/.exec(line)
    if (edge?.[1] === 'BEGIN' && open === undefined) open = edge[2]
    else if (edge?.[1] === 'END' && open !== undefined && open === edge[2]) {
      open = undefined
      blocks++
    } else if (edge !== null || (open === undefined && line !== '')) return false
    else if (!/^[\x20-\x7e]*$/.test(line)) return false
  }
  return blocks > 0 && open === undefined
}

function isJsonObject(value: string): boolean {
  if (!value.startsWith('{')) return false
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}
