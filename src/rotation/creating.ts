import { MayflyError, messageOf } from '../lib/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import { undoing, wait, type Next } from './next.ts'
import { Lost, type Row } from './records.ts'
import type { Created } from './rotator.ts'
import { inTime, isSame, jobOf, probeOf, type Job } from './work.ts'

const tries = 5
const maxValueBytes = 65_536
const maxHandleChars = 4_096
const holds = 50
const holdMs = 100

/** Asks the upstream for the new value. */
export async function create(row: Row, deps: MachineDeps): Promise<Next> {
  const job = await jobOf(row, deps)
  let made: Created
  try {
    made = await inTime(job.rotator.create(job.work, deps.tools))
  } catch (error) {
    if (await isRefused(error, job, deps)) return refused(row, messageOf(error), deps)
    // Also a refusal may come behind something that was made: what there is is looked at first.
    return wait(row, deps.clock, messageOf(error))
  }
  const problem = problemOf(made, row, job)
  if (problem !== undefined) return refuse(row, made, problem, deps)
  return await keep(row, made, job, deps)
}

/** Of two values that take each other's place the old one lives: the upstream did not take this one, and will not. */
async function isRefused(error: unknown, job: Job, deps: MachineDeps): Promise<boolean> {
  const isPlain = error instanceof MayflyError && error.code === 'credential_failed'
  if (!isPlain || !job.inPlace || job.rotator.refusesPlainly !== true) return false
  return (await probeOf(job, job.work.old, deps)) === 'alive'
}

/** The next rotation chooses another value: this one is never asked for again. */
function refused(row: Row, failure: string, { vault, clock }: MachineDeps): Next {
  return {
    changes: { state: 'failed', failure: failure.slice(0, 500), ended_ms: clock.nowMs() },
    async also(tx) {
      if (row.to_version !== null) await vault.change(tx).destroy(row.secret, row.to_version)
    },
  }
}

/** The last one who asked did not live to hear the answer, or did not like it. */
export async function resume(row: Row, deps: MachineDeps): Promise<Next> {
  const job = await jobOf(row, deps)
  if (row.attempts >= tries && !job.inPlace)
    return undoing(row, deps.clock, row.failure ?? 'it could not be made')
  try {
    const found = await inTime(job.rotator.afterLostAnswer(job.work, deps.tools))
    if (found === 'again') return await create(row, deps)
    if (found === 'undo')
      return undoing(row, deps.clock, row.failure ?? 'whether it was made was never heard')
    if (found === 'made') return made(row, job, deps)
  } catch (error) {
    return wait(row, deps.clock, messageOf(error))
  }
  const failure = `the answer that had the new value of ${row.secret} was lost, and the old one is dead: make one at the upstream by hand, then mayfly secret set ${row.secret}`
  return { changes: { state: 'failed', failure, ended_ms: deps.clock.nowMs() } }
}

/**
 * The value is sealed before anything else happens. Where it cannot be kept, it is ended at once: nobody else will ever know
 * it. One that took the place of the old one is held on to instead, as long as this process may.
 */
async function keep(row: Row, { value, handle }: Created, job: Job, deps: MachineDeps): Promise<Next> {
  // It stands there already, and another server may be at the same one.
  if (row.to_version !== null) return made(row, job, deps, JSON.stringify(handle))
  for (let left = job.inPlace ? holds : 0; ; left--) {
    try {
      return made(await sealed(row, { value, handle }, deps), job, deps, JSON.stringify(handle))
    } catch (error) {
      if (left > 0 && !(error instanceof Lost)) {
        await new Promise((next) => setTimeout(next, holdMs))
        continue
      }
      const one = { which: 'new', value, handle } as const
      if (!job.inPlace) await inTime(job.rotator.revoke(job.work, one, deps.tools)).catch(() => undefined)
      if (error instanceof Lost) throw error
      return wait(row, deps.clock, messageOf(error))
    }
  }
}

function sealed(row: Row, { value, handle }: Created, deps: MachineDeps): Promise<Row> {
  return deps.store.write(async (tx) => {
    const to_version = await deps.vault.change(tx).stage(row.secret, value, `rotation ${row.id}`)
    return await deps.records.change(tx, row, { to_version, handle: JSON.stringify(handle) })
  })
}

/** Where the old one is dead by now there is nothing else to use: the new one is in use from here on. */
function made(row: Row, { inPlace }: Job, { vault, clock }: MachineDeps, handle?: string): Next {
  const changes = { attempts: 0, failure: null, ...(handle === undefined ? {} : { handle }) }
  if (!inPlace) return { changes: { ...changes, state: 'created' } }
  return {
    changes: { ...changes, state: 'promoted', promoted_ms: clock.nowMs() },
    async also(tx) {
      await vault.change(tx).use(row.secret, row.to_version ?? 0)
      await vault.change(tx).died(row.secret, row.from_version)
    },
  }
}

const sameId =
  'the rotator gave the id of the old value: by it both would be ended. What was made is left at the upstream: end it there by hand'

interface Problem {
  readonly text: string
  /** What is as the old one is not ended: that would end the old one. */
  readonly leaves?: true
  /** What came as its handle is of no use. */
  readonly handleless?: true
}

function problemOf({ value, handle, oldHandle }: Created, row: Row, { work }: Job): Problem | undefined {
  const text = value.reveal()
  if (text === '') return { text: 'the rotator gave no value' }
  if (Buffer.byteLength(text) > maxValueBytes)
    return { text: `the rotator gave a value of more than ${maxValueBytes} bytes` }
  if (text.includes('\0') || !text.isWellFormed()) return { text: 'the rotator gave what is no text' }
  if (isSame(value, work.old.value)) return { text: 'the rotator gave the same value again', leaves: true }
  const kept = JSON.stringify(handle)
  if (kept.length > maxHandleChars)
    return { text: `the rotator gave an id of more than ${maxHandleChars} characters`, handleless: true }
  if (text.length >= 8 && kept.includes(JSON.stringify(text).slice(1, -1)))
    return { text: 'the rotator gave the value as its id, which is not kept sealed', handleless: true }
  if (handle !== null && (kept === row.old_handle || kept === JSON.stringify(oldHandle)))
    return { text: sameId, leaves: true }
  return undefined
}

function refuse(row: Row, { handle }: Created, problem: Problem, { clock }: MachineDeps): Next {
  if (problem.leaves === true)
    return { changes: { state: 'failed', failure: problem.text, ended_ms: clock.nowMs() } }
  const next = undoing(row, clock, problem.text)
  const kept = problem.handleless === true ? {} : { handle: JSON.stringify(handle) }
  return { changes: { ...next.changes, ...kept } }
}
