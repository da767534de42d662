/** What a careful reader calls a place: a secret; something that looks like one; the name half of a pair; or neither, not counted. */
export type Truth = 'secret' | 'decoy' | 'id' | 'open'

export interface Label {
  readonly kind: string
  readonly truth: Truth
  /** From 1. */
  readonly line: number
  readonly endLine: number
  /** In characters of the text; a form that writes UTF-16 has the same ones. */
  readonly start: number
  readonly end: number
  /** As it stands in the file. */
  readonly text: string
}

// Characters for private use: no form escapes them, and none is in what we write.
const opening = '\u{e000}'
const middle = '\u{e001}'
const closing = '\u{e002}'
const marks = new RegExp(`${opening}([^${middle}]*)${middle}([^${closing}]*)${closing}`, 'gu')

/** The value with a label around it, which `readMarks` takes off again. */
export function mark(truth: Truth, kind: string, value: string): string {
  return `${opening}${truth}:${kind}${middle}${value}${closing}`
}

/** Removes the marks of a text and gives the places that they named. */
export function readMarks(marked: string): { text: string; labels: Label[] } {
  const labels: Label[] = []
  let text = ''
  let from = 0
  for (const found of marked.matchAll(marks)) {
    const [whole, what = '', value = ''] = found
    text += marked.slice(from, found.index)
    from = found.index + whole.length
    const [truth = '', kind = ''] = what.split(':')
    const line = lineAt(text)
    const start = text.length
    text += value
    const endLine = line + (value.match(/\n/g)?.length ?? 0)
    labels.push({ kind, truth: truth as Truth, line, endLine, start, end: text.length, text: value })
  }
  text += marked.slice(from)
  if (new RegExp(`[${opening}${middle}${closing}]`, 'u').test(text)) throw new Error('a mark was torn apart')
  return { text, labels }
}

function lineAt(text: string): number {
  return (text.match(/\n/g)?.length ?? 0) + 1
}
