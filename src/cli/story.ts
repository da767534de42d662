import { factsOf } from '../audit/facts/index.ts'
import { escapeUnseen } from '../lib/index.ts'
import { accessTellers } from './story-access.ts'
import { attestTellers } from './story-attest.ts'
import { logTellers } from './story-log.ts'
import { operatorTellers } from './story-operator.ts'
import { packageTellers } from './story-package.ts'
import { peopleTellers } from './story-people.ts'
import { secretTellers } from './story-secrets.ts'
import { jobText, sessionTellers } from './story-session.ts'
import { stepTellers } from './story-step.ts'
import { trustTellers } from './story-trust.ts'
import type { Data, LogEntry, Tellers } from './story-entry.ts'

export type { LogEntry } from './story-entry.ts'

/**
 * One entry in lines that read as a story. `among`: those of one run, or of many, where each line says of which it is, and what
 * was refused says for whom. What the log holds is others' text: control characters are shown, not obeyed.
 */
export function tellEntry(entry: LogEntry, among: 'run' | 'many' = 'run'): string[] {
  const [first = '', ...rest] = [...tell(entry), ...(among === 'many' ? forWhom(entry) : [])]
  const run = among === 'many' ? `${entry.run ?? '-'.padEnd(runWidth)}  ` : ''
  const margin = `${String(entry.index).padStart(5)}  ${whenOf(entry.time)}  ${run}`
  return [`${margin}${first}`, ...rest.map((line) => `${' '.repeat(margin.length)}${line}`)].map(visible)
}

/** The width of a run's id. */
const runWidth = 28

/** `2026-11-28 02:00:00.000Z`: entries have UTC, to the millisecond. */
function whenOf(time: string): string {
  return time === '' ? '?' : time.replace('T', ' ')
}

/** Of an entry that is read by itself: for which job something was refused. */
function forWhom({ type, data }: LogEntry): string[] {
  const { job } = factsOf({ type, subject: '', data })
  const isRefusal = type === 'access.denied' || type === 'access.shadowed' || type === 'egress.granted'
  return isRefusal && job.repository !== undefined ? [`for ${jobText(job)}`] : []
}

const tellers: Tellers = {
  ...accessTellers,
  ...attestTellers,
  ...logTellers,
  ...operatorTellers,
  ...packageTellers,
  ...peopleTellers,
  ...secretTellers,
  ...sessionTellers,
  ...stepTellers,
  ...trustTellers,
}

/** One entry whose data is not what its type holds must not keep the others from being told. */
function tell(entry: LogEntry): string[] {
  try {
    return (tellers[entry.type] ?? tellOther)(entry.data, entry)
  } catch {
    return tellOther(entry.data, entry)
  }
}

function tellOther(data: Data, entry: LogEntry): string[] {
  return [`${entry.type} ${JSON.stringify(data)}`]
}

// A step names its own command and asks for its own hosts; an escape sequence in them must not move the cursor.
export function visible(line: string): string {
  return escapeUnseen(line)
}
