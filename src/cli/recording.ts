import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { MayflyError, messageOf, systemCode } from '../lib/index.ts'
import { openAuditSearch } from './audit-search.ts'
import type { AuditOptions } from './audit-source.ts'
import { createCastView } from './cast-view.ts'
import { hasAuditLog } from './log-attest.ts'
import { createOperatorApi } from './operator-api.ts'
import { endWithReader, exitCodes, print, table } from './output.ts'
import { text } from './story-text.ts'
import { visible } from './story.ts'

export interface ListOptions {
  run?: string
  server?: string
  json: boolean
}

export interface ShowOptions extends AuditOptions {
  output?: string
  raw: boolean
  server?: string
}

/** The server's, see src/server/routes/recordings.ts. */
interface Recording {
  readonly id: string
  readonly run: string
  readonly step: string
  readonly operation: string
  readonly started: string
  readonly ended: string | null
  readonly bytes: number
  readonly sha256: string | null
  readonly removed: string | null
}

/** `mayfly recording list`. */
export async function listRecordings(options: ListOptions): Promise<number> {
  const query = options.run === undefined ? '' : `?run=${encodeURIComponent(options.run)}`
  const { recordings } = await createOperatorApi(options).call<{ recordings: Recording[] }>(
    'GET',
    `/v1/recordings${query}`,
  )
  const rows = recordings.map((one) => [one.id, one.started, stateOf(one), one.run, one.operation])
  print(
    options.json,
    { recordings },
    rows.length === 0
      ? ['there are no recordings']
      : table([['RECORDING', 'BEGAN', 'STATE', 'RUN', 'WHAT'], ...rows]).map(visible),
  )
  return exitCodes.ok
}

function stateOf({ removed, ended, bytes }: Recording): string {
  if (removed !== null) return 'removed'
  return ended === null ? 'goes on' : `${bytes} bytes`
}

/** `mayfly recording show`: exit code 1 if it is not what the audit log has. */
export async function showRecording(id: string, options: ShowOptions): Promise<number> {
  const api = createOperatorApi(options)
  const attested = hasAuditLog(options)
  const at = `/v1/recordings/${encodeURIComponent(id)}`
  const recording = await api.call<Recording>('GET', at)
  if (recording.removed !== null)
    throw new MayflyError('not_found', `${visible(id)} was removed ${visible(recording.removed)}`)
  const shown = await write(api.read(`${at}/cast`), options)
  if (options.json) print(true, { ...recording, read: shown }, [])
  const { ok, text } = attested
    ? await verdictOf(recording, shown, options)
    : { ok: undefined, text: 'not verified: no audit log at hand (--data, or --url with --key)' }
  process.stderr.write(`mayfly: ${visible(`${id}, ${recording.operation}: ${text}`)}\n`)
  return ok === false ? exitCodes.refused : exitCodes.ok
}

interface Digest {
  readonly bytes: number
  readonly sha256: string
}

/** Returns what was read, not what was made of it. */
async function write(cast: AsyncIterable<Buffer>, { output, raw, json }: ShowOptions): Promise<Digest> {
  endWithReader()
  const to = output === undefined ? (json ? undefined : process.stdout) : await newFile(output)
  const view = createCastView()
  const hash = createHash('sha256')
  let bytes = 0
  const put = async (chunk: Buffer | string) => {
    if (to?.write(chunk) === false) await once(to, 'drain')
  }
  for await (const chunk of cast) {
    hash.update(chunk)
    bytes += chunk.length
    await put(raw ? chunk : view.add(chunk))
  }
  if (!raw) await put(view.rest())
  if (to !== undefined && to !== process.stdout) await finished(to.end())
  return { bytes, sha256: hash.digest('hex') }
}

async function newFile(path: string): Promise<Writable> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
  try {
    await once(file, 'open')
    return file
  } catch (cause) {
    const why = systemCode(cause) === 'EEXIST' ? 'it is there already: name a new file' : messageOf(cause)
    throw new MayflyError('bad_input', `--output ${path}: ${why}`, { cause })
  }
}

type Verdict = { readonly ok: boolean | undefined; readonly text: string }

/** The log publishes once a second, and the end of a session is recorded about as late. */
const waitMs = 5_000
const pollMs = 300

/** Against the entry of the session's end, of a log whose checkpoint is believed. */
async function verdictOf(
  { id, step, ended }: Recording,
  shown: Digest,
  options: AuditOptions,
): Promise<Verdict> {
  if (ended === null) return { ok: undefined, text: 'it goes on; it can be verified once it has ended' }
  for (const untilMs = Date.now() + waitMs; ; await sleep(pollMs)) {
    const verdict = await heldAgainst(options, { id, step }, shown)
    if (verdict !== undefined) return verdict
    if (Date.now() > untilMs)
      return { ok: undefined, text: 'not verified: its end is not in what the audit log has published' }
  }
}

/** Undefined if the log has no such end (yet). */
async function heldAgainst(
  options: AuditOptions,
  { id, step }: { id: string; step: string },
  shown: Digest,
): Promise<Verdict | undefined> {
  const { search } = await openAuditSearch({ ...options, index: true })
  try {
    for await (const { index, entry } of search.find({
      terms: { step: [step], type: ['operations.done'] },
      fromMs: undefined,
      toMs: undefined,
    })) {
      const facts = factsOf(entry.data['operations'], id)
      if (facts === undefined) continue
      const { recording_bytes: bytes, recording_sha256: sha256 } = facts
      if (sha256 === undefined)
        return { ok: undefined, text: `not verified: by entry ${index} it could not be kept to its end` }
      if (sha256 === shown.sha256 && bytes === shown.bytes)
        return { ok: true, text: `verified by entry ${index}: SHA-256 ${shown.sha256.slice(0, 16)}…` }
      const changed = `IT WAS CHANGED: entry ${index} has ${text(bytes)} bytes, SHA-256 ${text(sha256)}`
      return { ok: false, text: changed }
    }
  } finally {
    search.close()
  }
  return undefined
}

function factsOf(operations: unknown, id: string): Readonly<Record<string, unknown>> | undefined {
  const all = (Array.isArray(operations) ? operations : []) as { facts?: Record<string, unknown> }[]
  return all.map(({ facts }) => facts).find((facts) => facts?.['recording'] === id)
}
