import { MayflyError } from '../../lib/index.ts'

/** The wanted fields of one paragraph, by their names in lower case; lines of a longer value are apart by `\n`. */
export type Paragraph = ReadonlyMap<string, string>

/** Longest line, and longest value of a wanted field, in characters: Debian's own stay under 100,000. */
const maxChars = 4_194_304

/**
 * Reads Debian control data (deb822(5)) as it comes, in pieces of any length, and calls `take` with each paragraph that has one of
 * the wanted fields. Throws `denied` for what is no such text, and where a wanted field stands twice: two readers would take two.
 */
export function createParagraphReader(
  wanted: readonly string[],
  take: (paragraph: Paragraph) => void,
): { add(text: string): void; end(): void } {
  const fields: ReadonlySet<string> = new Set(wanted)
  let rest = ''
  let paragraph = new Map<string, string>()
  /** The field that a line which begins with a space belongs to; undefined where there is none, empty for one that nobody wants. */
  let field: string | undefined

  function endParagraph(): void {
    if (paragraph.size > 0) take(paragraph)
    if (paragraph.size > 0) paragraph = new Map()
    field = undefined
  }

  function takeLine(written: string): void {
    const line = written.endsWith('\r') ? written.slice(0, -1) : written
    if (line === '') return endParagraph()
    if (line.startsWith(' ') || line.startsWith('\t')) return continueField(line)
    const colon = line.indexOf(':')
    if (colon < 1) throw malformed('a line is no field')
    const name = line.slice(0, colon).toLowerCase()
    field = fields.has(name) ? name : ''
    if (field === '') return
    if (paragraph.has(name)) throw malformed(`it has ${name} twice in one paragraph`)
    paragraph.set(name, line.slice(colon + 1).trim())
  }

  function continueField(line: string): void {
    if (field === undefined) throw malformed('a paragraph begins in the middle of a field')
    if (field === '') return
    const value = `${paragraph.get(field) ?? ''}\n${line.trim()}`
    if (value.length > maxChars) throw malformed(`its ${field} is longer than ${maxChars} characters`)
    paragraph.set(field, value)
  }

  return {
    add(text) {
      const all = rest === '' ? text : rest + text
      let from = 0
      for (let at = all.indexOf('\n'); at !== -1; at = all.indexOf('\n', from)) {
        takeLine(all.slice(from, at))
        from = at + 1
      }
      rest = all.slice(from)
      if (rest.length > maxChars) throw malformed(`a line is longer than ${maxChars} characters`)
    },
    end() {
      if (rest !== '') takeLine(rest)
      rest = ''
      endParagraph()
    },
  }
}

function malformed(why: string): MayflyError {
  return new MayflyError('denied', `it is no list that can be read: ${why}`)
}
