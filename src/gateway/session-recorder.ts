import { Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { messageOf, type RecordingId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { MaskStream } from '../mask/index.ts'
import type { OpenRecording, Recordings } from '../recordings/index.ts'
import type { Given } from './given.ts'

/** What a terminal is, and whose. */
export interface TerminalSession {
  readonly columns: number
  readonly rows: number
  readonly connection: string
  /** As the entry of its permission has it. */
  readonly operation: string
}

/** A session that may be recorded: its id stands in the entry of its permission. */
export interface SessionToRecord {
  readonly id: RecordingId
  /** Before anything of it is opened. Throws `disk_full` and `store_failed`. */
  begin(): Promise<SessionRecording>
}

export interface SessionRecording {
  /** Passes on what is shown once it is in the record, and fails where it cannot be: nothing is shown that is not recorded. */
  shown(): Transform
  /** The same for what is typed. */
  typed(): Transform
  resized(columns: number, rows: number): void
  /** What the entry of the session's end says of it. */
  end(): Promise<Readonly<Record<string, string | number>>>
}

export type SessionRecorder = (step: Step, session: TerminalSession) => SessionToRecord | undefined

/** So long what may be the beginning of a secret is held back from the record, never from the terminal. */
const idleMs = 200
/** Of a title; a command line may be longer. */
const titleChars = 200

export function createSessionRecorder(deps: {
  readonly recordings: Recordings | undefined
  readonly given: Given
}): SessionRecorder {
  return (step, { operation, ...session }) => {
    const id = deps.recordings?.next()
    if (deps.recordings === undefined || id === undefined) return undefined
    const { recordings, given } = deps
    return {
      id,
      async begin() {
        const mask = () => given.masker(step).stream()
        const stream = mask()
        const named = Buffer.concat([stream.write(Buffer.from(operation)), stream.end()]).toString()
        const about = { id, run: step.session.runId, step: step.id, operation: named.slice(0, 2_000) }
        const title = `${named.slice(0, titleChars)} (${step.id})`
        return recordingOf(await recordings.begin({ ...session, ...about, title }), id, mask)
      },
    }
  }
}

function recordingOf(open: OpenRecording, id: RecordingId, mask: () => MaskStream): SessionRecording {
  const taps: Tap[] = []
  const tap = (event: 'o' | 'i') => {
    const made = createTap((text) => open.write(event, text), mask())
    taps.push(made)
    return made.through
  }
  /** That is to be written: of many that come at once the last one. */
  let size: string | undefined
  const writeSize = async () => {
    for (let written: string | undefined; written !== size;) {
      written = size
      // One that fails ends the session with what is shown next.
      await open.write('r', written ?? '').catch(() => undefined)
    }
    size = undefined
  }
  return {
    shown: () => tap('o'),
    typed: () => tap('i'),
    resized(columns, rows) {
      const isUnderWay = size !== undefined
      size = `${columns}x${rows}`
      if (!isUnderWay) void writeSize()
    },
    async end() {
      try {
        for (const one of taps) await one.rest().catch(() => undefined)
        const { bytes, sha256 } = await open.end()
        return { recording: id, recording_bytes: bytes, recording_sha256: sha256 }
      } catch (error) {
        return { recording: id, recording_failed: messageOf(error) }
      }
    },
  }
}

interface Tap {
  readonly through: Transform
  /** Writes what is held of it; once. */
  rest(): Promise<void>
}

function createTap(write: (text: string) => Promise<void>, masked: MaskStream): Tap {
  const decoder = new StringDecoder('utf8')
  let idle: NodeJS.Timeout | undefined
  let isOver = false
  const put = async (bytes: Buffer) => {
    const text = decoder.write(bytes)
    if (text !== '') await write(text)
  }
  const rest = async () => {
    clearTimeout(idle)
    if (isOver) return
    isOver = true
    const text = decoder.write(masked.end()) + decoder.end()
    if (text !== '') await write(text)
  }
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      clearTimeout(idle)
      // What a session that was ended says yet is shown to nobody.
      if (isOver) return done()
      put(masked.write(chunk)).then(
        () => {
          idle = setTimeout(() => {
            if (!isOver) put(masked.flushIdle()).catch((error: Error) => through.destroy(error))
          }, idleMs).unref()
          done(null, chunk)
        },
        (error: Error) => done(error),
      )
    },
    flush(done) {
      rest().then(() => done(), done)
    },
  })
  return { through, rest }
}
