import { exactTextOf } from './bytes.ts'
import { cdeventType, entryType, shortType } from './entry-type.ts'

/** What happened, as its writer says it. `docs/audit-format.md` has every `type` and what its `data` holds. */
export interface EntryEvent {
  /** Short: `session.issued`. */
  type: string
  /** What it happened to: the id of a session, step, lease; of the run, or of the writer, if nothing smaller. */
  subject: string
  /** The CI job, by the id that its verified claims give it; left out where there is none. */
  run?: string
  /** The number of the entry among those of its run, from 0. */
  seq?: number
  data: Readonly<Record<string, unknown>>
}

/** An entry as it stands in the log. */
export interface Entry extends EntryEvent {
  /** CloudEvents `id`: the idempotency key it was appended under. */
  id: string
  /** Who wrote it: `mayfly://server`, `mayfly://audit-log`. */
  source: string
  /** RFC 3339, UTC, milliseconds, by the writer's clock. */
  time: string
}

/**
 * The bytes of a leaf, as text: CloudEvents 1.0 in JSON whose data is a CDEvent 0.5.1 (CDEvents, "CloudEvents binding").
 * Runs and steps are `pipelinerun` and `taskrun` of CDEvents, everything else is a custom event of Mayfly's.
 * Throws a RangeError for a type that is none, a TypeError for data that is not JSON.
 */
export function formatEntry({ id, source, time, type, subject, run, seq, data }: Entry): string {
  const fullType = entryType(type)
  const kind = cdeventType(type)
  const chain = run === undefined ? {} : { chainId: run }
  const context = { specversion: '0.5.1', id, source, type: fullType, timestamp: time, ...chain }
  const content = kind === undefined ? data : cdeventContent(type, run, data)
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: fullType,
    subject,
    time,
    datacontenttype: 'application/json',
    mayflyrun: run,
    mayflyseq: seq,
    data: {
      context,
      subject: { id: subject, content },
      ...(kind === undefined ? {} : { customData: data, customDataContentType: 'application/json' }),
    },
  })
}

// What CDEvents has room for; the whole stands in customData.
function cdeventContent(
  type: string,
  run: string | undefined,
  data: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { name, pipeline, outcome } = data
  const ended = typeof outcome === 'string' ? { outcome } : {}
  if (type.startsWith('run.')) {
    // A started run has to have a name and an address (CDEvents, "pipelineRun Started").
    const pipelineName = typeof pipeline === 'string' ? pipeline : 'unnamed'
    return { pipelineName, uri: `mayfly://runs/${run ?? 'unknown'}`, ...ended }
  }
  return {
    ...(typeof name === 'string' ? { taskName: name } : {}),
    ...(run === undefined ? {} : { pipelineRun: { id: run } }),
    ...ended,
  }
}

/** The entry in these bytes; `undefined` unless they are exactly one of this format's, of a type that it knows by form. */
export function parseEntry(bytes: Uint8Array): Entry | undefined {
  const event = parseJson(exactTextOf(bytes) ?? '')
  if (!isObject(event) || event['specversion'] !== '1.0') return undefined
  const { id, source, time, subject, mayflyrun: run, mayflyseq: seq } = event
  const type = isText(event['type']) ? shortType(event['type']) : undefined
  const data = dataOf(event['data'], type)
  if (!isText(id) || !isText(source) || !isTime(time) || !isText(subject)) return undefined
  if (type === undefined || data === undefined) return undefined
  if (run !== undefined && !isText(run)) return undefined
  // A run without a number is read, so that it can be called a fault of that run; a number of no run says nothing.
  if (seq !== undefined && (run === undefined || !isCount(seq))) return undefined
  return {
    id,
    source,
    time,
    type,
    subject,
    data,
    ...(run === undefined ? {} : { run }),
    ...(seq === undefined ? {} : { seq }),
  }
}

function dataOf(data: unknown, type: string | undefined): Record<string, unknown> | undefined {
  if (!isObject(data) || type === undefined) return undefined
  const subject = data['subject']
  const content =
    cdeventType(type) === undefined && isObject(subject) ? subject['content'] : data['customData']
  return isObject(content) ? content : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** In the one form that writers use, of a moment that there is: 30 February is none, and another zone could be read as another moment. */
function isTime(value: unknown): value is string {
  if (!isText(value) || !/^(?!0000)[0-9]{4}-/.test(value)) return false
  const ms = Date.parse(value)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === value
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
