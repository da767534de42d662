import { sha256Hex, type Clock } from '../../lib/index.ts'
import { formatEntry, leafHash } from '../verify/index.ts'
import type { Appender } from './appender.ts'
import type { Alarm } from './witnesses.ts'

const source = 'mayfly://audit-log'

/** What the log says of itself, as an entry and as a line for whoever runs it. */
export function createAlarms(deps: {
  appender: Appender
  clock: Clock
  origin: string
  tell: (line: string) => void
  /** Told of an alarm after which nothing may be appended: its entry is durable, or could not be made so. */
  onContradiction: (reason: string) => void
}): (alarm: Alarm) => void {
  const { appender, clock, origin, tell } = deps

  async function append(alarm: Alarm, type: string, data: Record<string, unknown>): Promise<void> {
    const nowMs = clock.nowMs()
    // A history that is refused again and again is one entry; a quorum is lost at a moment.
    const what = alarm.kind.startsWith('quorum')
      ? `${alarm.kind} ${nowMs}`
      : JSON.stringify([alarm.kind, data])
    const id = `alarm-${sha256Hex(what).slice(0, 32)}`
    const known = { id, source, subject: origin, type, data }
    const entry = Buffer.from(formatEntry({ ...known, time: new Date(nowMs).toISOString() }))
    await appender.append([{ key: id, entry, leafHash: leafHash(entry).toBase64() }])
  }

  return (alarm) => {
    switch (alarm.kind) {
      case 'quorum_lost':
        tell(
          `WITNESS QUORUM LOST: ${alarm.missing.join(', ')} do not cosign; entries stay durable, publication is degraded`,
        )
        void append(alarm, 'quorum.lost', { missing: alarm.missing })
        return
      case 'quorum_restored':
        tell('the witnesses are a quorum again')
        void append(alarm, 'quorum.restored', {})
        return
      case 'refused': {
        const { witness, size, reason } = alarm
        tell(`WITNESS ${witness} REFUSES this log at ${size} entries: ${reason}`)
        void append(alarm, 'history.refused', { witness, size, reason })
        return
      }
      case 'contradicted': {
        const { witness, checkpoint, reason } = alarm
        const line = `the log ${origin} has signed a checkpoint, shown by the witness ${witness}, that this folder contradicts (${reason}): it was rolled back or copied; stop, and restore the newest copy`
        tell(`FORK: ${line}`)
        void append(alarm, 'history.contradicted', { witness, checkpoint, reason }).finally(() =>
          deps.onContradiction(line),
        )
      }
    }
  }
}
