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
  lstatSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { MayflyError, escapeUnseen, messageOf } from '../../lib/index.ts'
import type { Finding } from './model.ts'
import { shownReason } from './reason.ts'

export interface BaselineEntry {
  readonly fingerprint: string
  readonly rule: string
  /** A day: `2026-11-29`. */
  readonly first_seen: string
  /** For people: where it was. Nothing is compared with it, so what moves stays known. */
  readonly files: readonly string[]
  readonly reason?: string
}

const maxBytes = 67_108_864
const mostEntries = 200_000
const mostFiles = 10

/** What is known already, by fingerprint: neither lines nor files count. */
export type Baseline = ReadonlyMap<string, BaselineEntry>

/** Throws `bad_input`: a baseline that cannot be read accepts nothing, and says so. */
export function readBaseline(file: string): Baseline {
  const refused = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `the baseline ${escapeUnseen(file)} ${why}`, { cause })
  let text: string
  try {
    text = textOf(file)
  } catch (cause) {
    throw refused(`cannot be read: ${messageOf(cause)}`, cause)
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    // What is caught shows a part of the file, which may be another one, with a secret in it.
    throw refused('cannot be read: it is not JSON')
  }
  const entries = entriesOf(document)
  if (typeof entries === 'string') throw refused(`is not as docs/scan.md says: ${entries}`)
  return new Map(entries.map((one) => [one.fingerprint, one]))
}

/** Or what is wrong. Read by hand, since threads that scan load this room, too, and a library of schemas takes them as long as a scan. */
function entriesOf(document: unknown): readonly BaselineEntry[] | string {
  if (!isObject(document) || document['version'] !== 1) return 'its version is not 1'
  const { version: _, findings, ...others } = document
  if (Object.keys(others).length > 0) return `it has ${Object.keys(others).join(', ').slice(0, 100)}`
  if (!Array.isArray(findings) || findings.length > mostEntries)
    return `findings are no list of at most ${mostEntries}`
  const wrong = findings.findIndex((one) => !isEntry(one))
  return wrong === -1 ? (findings as BaselineEntry[]) : `findings.${wrong} is no entry`
}

const names = ['fingerprint', 'rule', 'first_seen', 'files', 'reason']

function isEntry(value: unknown): value is BaselineEntry {
  if (!isObject(value) || Object.keys(value).some((key) => !names.includes(key))) return false
  const { fingerprint, rule, first_seen: day, files, reason } = value
  return (
    isText(fingerprint, /^[0-9a-f]{32}$/) &&
    isText(rule, /^.{1,200}$/) &&
    isText(day, /^\d{4}-\d{2}-\d{2}$/) &&
    Array.isArray(files) &&
    files.every((file) => typeof file === 'string') &&
    (reason === undefined || isText(reason, /^[^]{0,1000}$/))
  )
}

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function textOf(file: string): string {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(handle)
    if (!stats.isFile()) throw new Error('it is no regular file')
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
    return decoded(readFileSync(handle))
  } finally {
    closeSync(handle)
  }
}

/** Editors put a byte order mark in front, and some write UTF-16. */
function decoded(bytes: Buffer): string {
  const mark = bytes.toString('latin1', 0, 2)
  const form = mark === '\xff\xfe' ? 'utf-16le' : mark === '\xfe\xff' ? 'utf-16be' : 'utf-8'
  return new TextDecoder(form).decode(bytes)
}

/** The findings, with those marked that are known. */
export function acceptKnown(findings: readonly Finding[], baseline: Baseline): Finding[] {
  return findings.map((finding) => {
    const known = baseline.get(finding.fingerprint)
    if (finding.accepted !== undefined || known === undefined) return finding
    // A fingerprint is of one rule: whoever reads that something else is accepted was told wrongly.
    if (known.rule !== finding.rule)
      return { ...finding, note: `the baseline has it for the rule ${known.rule}, so it does not count` }
    const reason = known.reason === undefined ? {} : { reason: shownReason(known.reason) }
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

/**
 * Whoever reads the file has all of it, or what was there before. No link is followed: a checkout may be anybody's, and may have one where the
 * file is to be, that leads to another of who scans it. Throws `bad_input`.
 */
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

/**
 * What is no file (`/dev/tty`) would be replaced by one; `/dev/stdout` is a link, to whatever that is. Links of folders are followed but for
 * one out of the folder that the command runs in.
 */
function targetOf(file: string): string {
  const path = resolve(file)
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there?.isSymbolicLink() === true)
    throw new Error('it is a link: name the file itself; without --output a report is on standard output')
  if (there !== undefined && !there.isFile()) throw new Error('it is no regular file')
  const folder = realpathSync(dirname(path))
  if (isBelow(path, process.cwd()) && !isBelow(folder, realpathSync(process.cwd())))
    throw new Error(`its folder is a link to ${escapeUnseen(folder)}: name that one`)
  return join(folder, basename(path))
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`)
}
