import { type Clock, messageOf, sha256Hex } from '../../lib/index.ts'
import { formatEntry, leafHash } from '../verify/index.ts'
import type { Appender } from './appender.ts'
import type { Fork } from './fork-mark.ts'
import type { Alarm } from './witnesses.ts'

const source = 'mayfly://audit-log'

/** Appends what the log itself has to say about a log, as an entry of its own. Resolves when it is durable, or could not be. */
export function createOwnEntries(deps: { appender: Appender; clock: Clock; origin: string }) {
  return async (what: string, type: string, data: Record<string, unknown>): Promise<void> => {
    const id = `alarm-${sha256Hex(what).slice(0, 32)}`
    const known = { id, source, subject: deps.origin, type, data }
    const entry = Buffer.from(formatEntry({ ...known, time: new Date(deps.clock.nowMs()).toISOString() }))
    await deps.appender.append([{ key: id, entry, leafHash: leafHash(entry).toBase64() }])
  }
}

/** What the log says of itself, as an entry and as a line for whoever runs it. */
export function createAlarms(deps: {
  appender: Appender
  clock: Clock
  origin: string
  tell: (line: string) => void
  /** Keeps the proof of a fork in the folder. */
  mark: (fork: Fork) => Promise<void>
  /** Told of an alarm after which nothing may be appended: its entry is durable, or could not be made so. */
  onContradiction: (reason: string) => void
}): (alarm: Alarm) => Promise<void> {
  const { clock, origin, tell } = deps

  const appendOwn = createOwnEntries(deps)

  async function append(kind: Alarm['kind'], type: string, data: Record<string, unknown>): Promise<void> {
    // A history that is refused again and again is one entry; a quorum is lost at a moment.
    const moment = kind.startsWith('quorum')
    await appendOwn(
      moment ? `${kind} ${clock.nowMs()} ${origin}` : JSON.stringify([kind, data, origin]),
      type,
      data,
    )
  }

  /** First the mark: whatever else of this fails, the next start knows. */
  async function stop({ witness, fork, reason }: Alarm & { kind: 'contradicted' }): Promise<void> {
    const line = `the log ${origin} has signed a checkpoint, shown by the witness ${witness}, that this folder contradicts (${reason}): it was rolled back or copied; stop, and restore the newest copy`
    await deps
      .mark(fork)
      .catch((error: unknown) => tell(`the proof of a fork cannot be kept: ${messageOf(error)}`))
    tell(`FORK: ${line}`)
    await append('contradicted', 'history.contradicted', { witness, checkpoint: fork.theirs, reason })
    deps.onContradiction(line)
  }

  return async (alarm) => {
    switch (alarm.kind) {
      case 'quorum_lost':
        tell(
          `WITNESS QUORUM LOST: ${alarm.missing.join(', ')} do not cosign; entries stay durable, publication is degraded`,
        )
        return await append(alarm.kind, 'quorum.lost', { missing: alarm.missing })
      case 'quorum_restored':
        tell('the witnesses are a quorum again')
        return await append(alarm.kind, 'quorum.restored', {})
      case 'refused': {
        const { witness, size, reason } = alarm
        tell(`WITNESS ${witness} REFUSES this log at ${size} entries: ${reason}`)
        return await append(alarm.kind, 'history.refused', { witness, size, reason })
      }
      case 'contradicted':
        return await stop(alarm)
    }
  }
}
