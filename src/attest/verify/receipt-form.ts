import type { Statement } from './model.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A receipt as it is written, its form checked and nothing of it believed. */
export interface ReadReceipt {
  readonly step: string
  readonly run: string
  readonly session: string
  readonly predicate: Fields
  /** Of all subjects, `sha256` in hex. */
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[]
  readonly audit: {
    readonly origin: string
    readonly key: string
    readonly checkpoint: string
    readonly entries: readonly {
      readonly index: number
      readonly leafHash: string
      readonly proof: readonly string[]
      readonly text: string | undefined
    }[]
    readonly omitted: number
  }
}

const maxEntries = 10_000
const maxProof = 63
const maxEntryChars = 65_535

/** The parts of a receipt, or what is wrong with its form. */
export function readReceipt({ predicateType, predicate, subject }: Statement): ReadReceipt | string {
  if (predicateType !== 'urn:mayfly:step-receipt:v1') return 'it is no step receipt of version 1'
  const all = fieldsIn(predicate)
  const ids = ['step', 'run', 'session'].map((name) => textIn(fieldsIn(all[name])['id']))
  const [step, run, session] = ids
  if (step === undefined || run === undefined || session === undefined)
    return 'step, run and session have to have an id'
  const audit = readAudit(fieldsIn(all['audit']))
  if (typeof audit === 'string') return audit
  const subjects = subject.map(({ name = '', digest }) => ({ name, sha256: digest['sha256'] ?? '' }))
  return { step, run, session, predicate: all, subjects, audit }
}

function readAudit({ origin, key, checkpoint, entries, omitted = 0 }: Fields): ReadReceipt['audit'] | string {
  const [name, vkey, note] = [origin, key, checkpoint].map(textIn)
  if (name === undefined || vkey === undefined || note === undefined)
    return 'its audit log has to have origin, key and checkpoint'
  if (!isCount(omitted)) return 'audit.omitted is no whole number'
  if (!Array.isArray(entries) || entries.length > maxEntries) return 'audit.entries is no list, or too long'
  const read = entries.map(readEntry)
  const whole = read.filter((one) => one !== undefined)
  if (whole.length < read.length) return 'a member of audit.entries has not the form of one'
  // Twice the same entry would count what it says twice.
  if (whole.some(({ index }, at) => at > 0 && index <= (whole[at - 1]?.index ?? -1)))
    return 'the places of audit.entries do not ascend'
  return { origin: name, key: vkey, checkpoint: note, entries: whole, omitted }
}

function readEntry(value: unknown): ReadReceipt['audit']['entries'][number] | undefined {
  const { index, leafHash, proof, entry } = fieldsIn(value)
  const hash = textIn(leafHash)
  if (!isCount(index) || hash === undefined || !Array.isArray(proof) || proof.length > maxProof)
    return undefined
  const hashes = proof.flatMap((one) => textIn(one) ?? [])
  if (hashes.length < proof.length) return undefined
  const text = textIn(entry)
  const isOdd =
    entry !== undefined && (text === undefined || text.length > maxEntryChars || !text.isWellFormed())
  return isOdd ? undefined : { index, leafHash: hash, proof: hashes, text }
}

export function fieldsIn(value: unknown): Fields {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Fields) : {}
}

export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
