import type { PeopleReader } from '../audit/people/index.ts'
import { parseEntry, textOf, type LogSource } from '../audit/verify/index.ts'
import { didYouMean } from '../lib/index.ts'
import {
  extend,
  publishedCheckpoint,
  signedEntries,
  type SignedCheckpoint,
  type Trust,
  trustOf,
} from './audit-checkpoint.ts'
import { openPeopleOf, type PeopleOptions } from './audit-people.ts'
import { openAuditSource } from './audit-source.ts'
import { endWithReader, exitCodes, print, toJson } from './output.ts'
import { tellEntry, type LogEntry, visible } from './story.ts'

/** How long we wait for what was written a moment ago; the log publishes once a second. */
const waitForFirstMs = 5_000
const waitForRestMs = 2_000
const pollMs = 200
/** Names that are kept for "did you mean". */
const keptNames = 2_000

/**
 * Reads the published entries and tells one, those of one run, or all, in their order. Who asks for a run or an entry right
 * after it happened waits a little until it is published.
 */
export async function showAudit(
  entry: string | undefined,
  options: PeopleOptions & { run?: string },
): Promise<number> {
  endWithReader()
  const telling = createTelling(entry, options)
  const source = openAuditSource(options)
  const trust = trustOf(options)
  let seen = await publishedCheckpoint(source, trust)
  await tellPublished(source, seen, telling)
  const waitMs = telling.waitMs()
  if (waitMs > 0) process.stderr.write(`mayfly: ${telling.awaited()}: waiting up to ${waitMs / 1000} s\n`)
  for (const untilMs = Date.now() + waitMs; telling.waitMs() > 0 && Date.now() < untilMs;) {
    const next = await published(source, seen, trust)
    await tellPublished(source, next, telling, seen.size)
    seen = next
  }
  return telling.end()
}

/** The next checkpoint, after a pause; a log that is rolled back meanwhile is an error. */
async function published(source: LogSource, seen: SignedCheckpoint, trust: Trust): Promise<SignedCheckpoint> {
  await new Promise((resolve) => setTimeout(resolve, pollMs))
  const next = await publishedCheckpoint(source, trust)
  await extend(source, seen, next)
  return next
}

type Telling = ReturnType<typeof createTelling>

async function tellPublished(
  source: LogSource,
  checkpoint: SignedCheckpoint,
  telling: Telling,
  from = 0,
): Promise<void> {
  const { index } = telling
  const range = index === undefined ? { from } : { from: Math.max(from, index), to: index + 1 }
  if (index !== undefined && index >= checkpoint.size) return
  // Each as it comes: how long a log is that somebody else serves is theirs to say, and must not fill our memory.
  for await (const one of signedEntries(source, checkpoint, range)) await telling.add(one.index, one.bytes)
}

function createTelling(entry: string | undefined, options: PeopleOptions & { run?: string }) {
  const people = openPeopleOf(options)
  const { run } = options
  const index = entry !== undefined && /^\d{1,15}$/.test(entry) ? Number(entry) : undefined
  const form = run === undefined ? 'many' : 'run'
  const names = new Set<string>()
  let shown = 0
  let finished = false

  function nothing(): string {
    const what = entry === undefined ? `of run ${run ?? ''}` : entry
    if (entry === undefined && run === undefined) return 'the log is empty'
    const near = index === undefined ? didYouMean(entry ?? run ?? '', names) : undefined
    return `there is no entry ${what} among the published ones${near === undefined ? '' : `: did you mean ${near}?`}`
  }

  return {
    index,
    async add(at: number, bytes: Uint8Array): Promise<void> {
      const sealed = entryOf(at, bytes)
      remember(names, entry === undefined ? sealed.run : sealed.id)
      const wanted = index !== undefined || entry === undefined || sealed.id === entry
      if (!wanted || (run !== undefined && sealed.run !== run)) return
      const found = await revealed(sealed, people)
      if (options.json) process.stdout.write(`${shown === 0 ? '{"entries":[' : ','}${toJson(found)}`)
      else print(false, found, entry === undefined ? tellEntry(found, form) : indented(found))
      shown++
      // A run goes on after its end with a new session, and ends again.
      if (found.type === 'run.finished') finished = true
      if (found.type === 'session.issued') finished = false
    },
    /** How long it is worth waiting for more of what was asked for. */
    waitMs(): number {
      if (shown === 0) return entry === undefined && run === undefined ? 0 : waitForFirstMs
      return run === undefined || entry !== undefined || finished ? 0 : waitForRestMs
    },
    awaited: () =>
      shown === 0
        ? `${entry === undefined ? `run ${run ?? ''}` : `entry ${entry}`} is not published yet`
        : `run ${run ?? ''} has no end yet in what is published`,
    end(): number {
      if (shown === 0) print(options.json, { entries: [] }, [visible(nothing())])
      else if (options.json) process.stdout.write(']}\n')
      return shown === 0 ? exitCodes.refused : exitCodes.ok
    },
  }
}

/** The newest names only: how many runs a log has is not ours to say. */
function remember(names: Set<string>, name: string | undefined): void {
  if (name === undefined) return
  names.delete(name)
  names.add(name)
  for (const oldest of names) {
    if (names.size <= keptNames) break
    names.delete(oldest)
  }
}

function indented(entry: LogEntry): string[] {
  return JSON.stringify(entry, null, 2).split('\n').map(visible)
}

/** The entry with the names of its people, where the folder has them; `--url` has none. */
export async function revealed(entry: LogEntry, people: PeopleReader | undefined): Promise<LogEntry> {
  if (people === undefined) return entry
  return { ...entry, data: await people.reveal(entry.index, entry.id, entry.data) }
}

/** What cannot be read is told, too: nothing that stands in the log is passed over. */
export function entryOf(index: number, bytes: Uint8Array): LogEntry {
  const entry = parseEntry(bytes)
  if (entry !== undefined) return { index, ...entry }
  return { index, id: '', time: '', type: 'unknown', subject: '', data: { text: textOf(bytes) } }
}
