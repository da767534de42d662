import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  httpSource,
  type LogSource,
  parseTlogPolicy,
  parseVerifierKey,
  type TlogPolicy,
  type Verifier,
} from '../audit/verify/index.ts'
import { folderSource } from '../audit/verify/node.ts'
import { dataFolderOf } from '../config/environment.ts'
import { connectionProblem, MayflyError } from '../lib/index.ts'
import { readOwnText, readText } from './audit-file.ts'

/** Which log, and whose word about it: the options that every audit command has. */
export interface AuditOptions {
  folder?: string
  /** Of a log's port, or of a copy on any web server. */
  url?: string
  data?: string
  /** A vkey, or a file that holds it. */
  key?: string
  /** A file in tlog-policy form. */
  policy?: string
  json: boolean
}

/** The log to read: its folder on this machine, or an URL. Nothing of it is verified yet. */
export function openAuditSource(options: AuditOptions): LogSource {
  if (options.url !== undefined) {
    if (!/^https?:/.test(options.url) || !URL.canParse(options.url))
      throw new MayflyError('bad_input', `${options.url} is no http(s) URL`)
    return readable(httpSource(options.url), 'upstream_unreachable')
  }
  const folder = auditFolderOf(options)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new MayflyError(
      'bad_input',
      `there is no audit log at ${folder}: give --folder, --data or --url${existsSync('/var/lib/mayfly') ? ' (a server that root or systemd started keeps it in /var/lib/mayfly)' : ''}`,
    )
  return readable(folderSource(folder), 'audit_unavailable')
}

// What cannot be read is another exit code than what is not true.
function readable(source: LogSource, code: 'upstream_unreachable' | 'audit_unavailable'): LogSource {
  const refuse = (cause: unknown): never => {
    const message = connectionProblem(cause)
    const named = message.startsWith(source.name) ? message : `${source.name} cannot be read: ${message}`
    throw new MayflyError(code, named, { cause })
  }
  const read: LogSource['read'] = (path) => source.read(path).catch(refuse)
  if (source.list === undefined) return { ...source, read }
  return { ...source, read, list: async (path) => (await source.list?.(path).catch(refuse)) ?? [] }
}

/** The log's folder on this machine. */
export function auditFolderOf({ folder, data }: AuditOptions): string {
  return folder ?? join(dataFolderOf(data), 'audit')
}

export interface AuditKey {
  vkey: string
  verifier: Verifier
  /** Set when the key is the folder's own: whoever changed the log may have changed it, too. */
  untrusted?: string
}

/**
 * The log's public key: the one that is given, else the one that the server pinned at its first start, else the folder's
 * own. Throws `bad_input`.
 */
export function auditKeyOf(options: AuditOptions): AuditKey {
  const given = givenKeyOf(options)
  if (given !== undefined) return given
  if (options.url !== undefined)
    throw new MayflyError(
      'bad_input',
      'say whose log it is: --key VKEY (its key.vkey, as you got it from somebody you trust)',
    )
  const pinned = pinnedKeyOf(options)
  if (pinned !== undefined) return keyIn(readOwnText(pinned), pinned)
  const own = join(auditFolderOf(options), 'key.vkey')
  return { ...keyIn(readOwnText(own), own), untrusted: own }
}

/** `--key`: a vkey, or a file that holds one. */
export function givenKeyOf({ key }: AuditOptions): AuditKey | undefined {
  if (key === undefined) return undefined
  return existsSync(key) ? keyIn(readText(key), key) : keyIn(key, '--key')
}

/** As the server that runs here knows it; a log that is elsewhere has another. */
function pinnedKeyOf({ folder, url, data }: AuditOptions): string | undefined {
  if (folder !== undefined || url !== undefined) return undefined
  const file = join(dataFolderOf(data), 'keys', 'audit.vkey')
  return existsSync(file) ? file : undefined
}

function keyIn(text: string, from: string): AuditKey {
  const vkey = text.trim()
  const verifier = parseVerifierKey(vkey)
  if (verifier?.type === 'note') return { vkey, verifier }
  throw new MayflyError('bad_input', `${from} is not the public key of a log (a vkey: NAME+HASH+KEY)`)
}

/** The policy in a file: which logs and witnesses are believed. Throws `bad_input` with the line of a mistake. */
export function readTlogPolicy(file: string): TlogPolicy {
  const parsed = parseTlogPolicy(readText(file))
  if (parsed.ok) return parsed.policy
  throw new MayflyError('bad_input', `${file}:${parsed.line}: ${parsed.message}`)
}
