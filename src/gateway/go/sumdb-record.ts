import { parseSize } from '../../audit/verify/index.ts'

/** What a checksum database answers to the question for one version of a module. */
export interface SumdbAnswer {
  /** Number of the record in the tree. */
  readonly id: number
  /** The record, its last newline included: lines of go.sum. */
  readonly record: string
  /** The signed tree head that came with it. */
  readonly note: string
}

/** Digests of a module as go.sum writes them: `h1:BASE64`. */
export interface ModuleSums {
  readonly mod: string | undefined
  readonly zip: string | undefined
}

/** golang.org/x/mod/sumdb/tlog, ParseRecord: `ID`, the record, an empty line, a note. Undefined for anything else. */
export function parseSumdbAnswer(bytes: Buffer): SumdbAnswer | undefined {
  const text = bytes.toString('utf8')
  // What is no UTF-8 would be hashed as other bytes than came.
  if (!Buffer.from(text, 'utf8').equals(bytes)) return undefined
  const first = text.indexOf('\n')
  const end = text.indexOf('\n\n', first + 1)
  if (first === -1 || end === -1) return undefined
  const id = parseSize(text.slice(0, first))
  const record = text.slice(first + 1, end + 1)
  if (id === undefined || record.startsWith('\n') || /[^\P{Cc}\n]/u.test(record)) return undefined
  return { id, record, note: text.slice(end + 2) }
}

/** The lines of a record that are of this version; undefined if two say two things. */
export function sumsIn(record: string, module: string, version: string): ModuleSums | undefined {
  const of = (what: string) => {
    const lines = record.split('\n').filter((line) => line.startsWith(`${what} `))
    return new Set(lines.map((line) => line.slice(what.length + 1)).filter((sum) => sum.startsWith('h1:')))
  }
  const [zips, mods] = [of(`${module} ${version}`), of(`${module} ${version}/go.mod`)]
  return zips.size > 1 || mods.size > 1 ? undefined : { zip: [...zips][0], mod: [...mods][0] }
}
