import { parseEntry, readEntries } from '../audit/verify/index.ts'
import { MayflyError, messageOf, noSuch } from '../lib/index.ts'
import { readPast, type Operation, type Past, type PastEntry, type TrustSubject } from '../policy/index.ts'
import { openPeopleOf } from './audit-people.ts'
import { openAuditSource } from './audit-source.ts'
import { revealed } from './audit-show.ts'
import type { LogEntry } from './story.ts'

/** An entry with its place and id. */
type ReadEntry = PastEntry & { readonly index: number; readonly id: string }

/** The entries of the audit log's folder, in order. It is not verified: `mayfly audit verify` does that. */
export async function* readLog(options: { folder?: string; data?: string }): AsyncGenerator<ReadEntry> {
  const source = openAuditSource({ ...options, json: false })
  // A rule may look at who triggered the run.
  // Why a name cannot be read is no matter here.
  const people = openPeopleOf({ ...options, json: false }, async () => false)
  for await (const { index, bytes } of readEntries(source)) {
    const entry = parseEntry(bytes)
    // What cannot be read is for `mayfly audit check` to tell.
    if (entry === undefined) continue
    const { data, run } = await revealed({ index, ...entry }, people)
    yield { index, ...entry, data, run }
  }
}

/** The decisions that the log holds, since this moment. */
export async function readDecisions(
  options: { folder?: string; data?: string },
  sinceMs = 0,
  onEntry: (entry: ReadEntry) => void = () => undefined,
): Promise<Past[]> {
  const past: Past[] = []
  try {
    for await (const entry of readLog(options)) {
      onEntry(entry)
      const decision = Date.parse(entry.time) >= sinceMs ? readPast(entry) : undefined
      if (decision !== undefined) past.push(decision)
    }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError('audit_corrupt', messageOf(cause), { cause })
  }
  return past
}

const publishedMs = 2_000

/** The same; if the entry that is waited for is not there, once more after the log must have published what came a moment ago. */
export async function readDecisionsWith(
  options: { folder?: string; data?: string },
  isIt: (entry: ReadEntry) => boolean,
): Promise<Past[]> {
  let isThere = false
  const look = (entry: ReadEntry) => {
    isThere = isIt(entry) || isThere
  }
  const past = await readDecisions(options, 0, look)
  if (isThere) return past
  process.stderr.write(`mayfly: not published yet: looking again in ${publishedMs / 1000} s\n`)
  await new Promise((resolve) => setTimeout(resolve, publishedMs))
  return await readDecisions(options, 0, look)
}

/** The newest ones: for "did you mean". */
function requestsOf(past: readonly Past[]): string[] {
  return past.slice(-2_000).flatMap((one) => (one.kind === 'step' ? [] : (one.request ?? [])))
}

function toldOf({ run, subject = '', data, ...entry }: ReadEntry): LogEntry {
  return { ...entry, subject, data: data as LogEntry['data'], ...(run === undefined ? {} : { run }) }
}

/** What a policy was asked. */
export interface AskedThen {
  readonly subject: TrustSubject
  readonly role: string
  readonly operations: readonly Operation[]
}

/**
 * What a denial was about, by its request id; or the entry itself, where no policy can be asked again: the lockfile, the protocol
 * or the host was the reason, or a token. Throws `not_found`.
 */
export async function findRefusal(
  request: string,
  options: { folder?: string; data?: string },
): Promise<AskedThen | { readonly entry: LogEntry }> {
  const ofRequest = (one: Past) => one.kind !== 'step' && one.request === request
  let entry: ReadEntry | undefined
  const past = await readDecisionsWith(options, (one) => {
    const isIt = (one.data as { request?: unknown } | null)?.request === request
    if (isIt) entry ??= one
    return isIt
  })
  const found = past.find(ofRequest)
  if (found === undefined || found.kind === 'step') {
    if (entry !== undefined) return { entry: toldOf(entry) }
    throw noSuch('refusal in the log under', request, requestsOf(past))
  }
  if (found.kind === 'session') return { subject: found.subject, role: found.roles[0] ?? '', operations: [] }
  const session = past.find((one) => one.kind === 'session' && one.id === found.session)
  if (session === undefined || session.kind !== 'session')
    throw new MayflyError('not_found', `the log does not hold session ${found.session} of that denial`)
  return { subject: session.subject, role: found.role, operations: found.operations }
}
