import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { MayflyError, escapeUnseen, messageOf } from '../../lib/index.ts'
import type { Finding } from './model.ts'

const day = z.iso.date()
const entry = z.strictObject({
  fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
  rule: z.string().min(1).max(200),
  first_seen: day,
  /** For people: where it was. Nothing is compared with it, so what moves stays known. */
  files: z.array(z.string().max(4_096)).max(100),
  reason: z.string().max(1_000).optional(),
})
const schema = z.strictObject({ version: z.literal(1), findings: z.array(entry).max(200_000) })
const maxBytes = 67_108_864
const mostFiles = 10

export type BaselineEntry = z.output<typeof entry>

/** What is known already, by fingerprint: neither lines nor files count. */
export type Baseline = ReadonlyMap<string, BaselineEntry>

/** Throws `bad_input`: a baseline that cannot be read accepts nothing, and says so. */
export function readBaseline(file: string): Baseline {
  const refused = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `the baseline ${escapeUnseen(file)} ${why}`, { cause })
  let document: unknown
  try {
    document = JSON.parse(textOf(file))
  } catch (cause) {
    throw refused(`cannot be read: ${messageOf(cause)}`, cause)
  }
  const read = schema.safeParse(document)
  if (read.success) return new Map(read.data.findings.map((one) => [one.fingerprint, one]))
  const [issue] = read.error.issues
  throw refused(`is not as docs/scan.md says: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
}

function textOf(file: string): string {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(handle)
    if (!stats.isFile()) throw new Error('it is no regular file')
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
    return readFileSync(handle, 'utf8')
  } finally {
    closeSync(handle)
  }
}

/** The findings, with those marked that are known. */
export function acceptKnown(findings: readonly Finding[], baseline: Baseline): Finding[] {
  return findings.map((finding) => {
    const known = baseline.get(finding.fingerprint)
    if (finding.accepted !== undefined || known === undefined) return finding
    const reason = known.reason === undefined ? {} : { reason: known.reason }
    return { ...finding, accepted: { by: 'baseline', ...reason } }
  })
}

/**
 * What is known, and what was found now beside it. What an entry says stays: when it was first seen, and why it is there. What a comment
 * or an allow list accepts needs no entry.
 */
export function grownBaseline(before: Baseline, findings: readonly Finding[], nowMs: number): Baseline {
  const grown = new Map(before)
  for (const { fingerprint, rule, file, accepted } of findings) {
    if (accepted !== undefined && accepted.by !== 'baseline') continue
    const known = grown.get(fingerprint) ?? {
      ...{ fingerprint, rule, files: [], first_seen: new Date(nowMs).toISOString().slice(0, 10) },
    }
    const isNew = !known.files.includes(file) && known.files.length < mostFiles
    grown.set(fingerprint, isNew ? { ...known, files: [...known.files, file.slice(0, 4_096)] } : known)
  }
  return grown
}

/** Whole or not at all, sorted, so that two of them can be compared by line. Throws `bad_input`. */
export function writeBaseline(file: string, baseline: Baseline): void {
  const findings = [...baseline.values()].toSorted((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1))
  const lines = findings.map((one) => `    ${escapeUnseen(JSON.stringify(one))}`).join(',\n')
  writeWhole(file, `{\n  "version": 1,\n  "findings": [\n${lines}\n  ]\n}\n`)
}

/** Whoever reads the file has all of it, or what was there before. Throws `bad_input`. */
export function writeWhole(file: string, text: string): void {
  let draft = ''
  try {
    const target = targetOf(file)
    draft = join(dirname(target), `.mayfly-${randomUUID()}`)
    const handle = openSync(draft, 'wx', 0o644)
    try {
      writeFileSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(draft, target)
  } catch (cause) {
    if (draft !== '') rmSync(draft, { force: true })
    throw new MayflyError('bad_input', `${escapeUnseen(file)} cannot be written: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Where a link leads. What is no file (`/dev/stdout`) would be replaced by one. */
function targetOf(file: string): string {
  const there = statSync(file, { throwIfNoEntry: false })
  if (there === undefined) return resolve(file)
  if (!there.isFile()) throw new Error('it is no regular file')
  return realpathSync(file)
}
