import { z } from 'zod'
import { MayflyError, limits, noSuch, type Clock, type StepId } from '../../lib/index.ts'
import type { Broker, Step } from '../../broker/index.ts'
import type { OutputInspection } from '../../inspection/index.ts'
import { graceMs, type StepLogs } from '../../logs/index.ts'
import type { Store } from '../../store/index.ts'
import type { EndNotices } from '../end-notices.ts'
import { operatorEvent } from '../operator-event.ts'
import { runLogs, runLogsAnswer } from '../run-logs.ts'
import { withBody, type Call, type Route } from '../route.ts'

export interface LogRoutesDeps {
  broker: Broker
  logs: StepLogs
  store: Store
  clock: Clock
  notices: EndNotices
  output?: OutputInspection
}

/** No runner takes more from a step. */
const maxWrittenBytes = 1_048_576

const unseenText = z
  .string()
  .optional()
  .describe('What of it could not be looked at, or is not masked, for the step.')

/** Steps that have ended, while their runners may still send what they said last. */
function createEndedSteps({ broker, clock }: Pick<LogRoutesDeps, 'broker' | 'clock'>) {
  const steps = new Map<StepId, Step>()
  broker.onStepEnd((step) => {
    const isOver = ({ endedMs = 0 }: Step) => clock.nowMs() - endedMs >= graceMs
    // In the order in which they ended.
    for (const [id, one] of steps) if (isOver(one)) steps.delete(id)
    steps.set(step.id, step)
  })
  return { of: (id: StepId) => steps.get(id) }
}

/** What steps showed: their runners send it, operators read it. */
export function logRoutes(deps: LogRoutesDeps): Route[] {
  const { broker, logs, store, clock } = deps
  const ended = createEndedSteps(deps)

  /** The step that calls. What it said last comes after its end, if the server ended it. */
  function ownStep(call: Call): StepId {
    const id = call.access?.step
    if (id === undefined || id !== call.params['id']) throw deps.notices.ofStep(undefined)
    if (broker.step(id) !== undefined) return id
    const end = broker.endOf({ step: id })
    if (end === undefined || clock.nowMs() - end.endedMs >= graceMs) throw deps.notices.ofStep(id)
    return id
  }

  return [
    {
      method: 'POST',
      path: '/v1/steps/:id/log',
      summary:
        'Add a piece to the step’s masked log, with ?offset=BYTES; `size` is where it ends now, `full` why no more is taken, `mask` where secrets were found',
      auth: 'dpop',
      bodyType: 'bytes',
      bodyLimitBytes: limits.logPieceBytes,
      response: z.object({
        size: z.int(),
        full: z.string().optional(),
        mask: z
          .array(z.object({ from: z.int(), to: z.int() }))
          .optional()
          .describe('Secrets were found there, in bytes of the log: they are to be masked from now on.'),
        unseen: unseenText,
      }),
      ...withBody(z.unknown(), async (call, bytes) => {
        const id = ownStep(call)
        if (!Buffer.isBuffer(bytes) || call.access === undefined)
          throw new MayflyError('bad_input', 'a piece of a log is application/octet-stream')
        const offset = byteCount(call, 'offset')
        const taken = await logs.put({ id, run: call.access.run }, offset, bytes)
        const step = broker.step(id) ?? ended.of(id)
        // What is there already was sent again: its runner has not heard what was found in it.
        const kept = bytes.subarray(0, Math.max(0, taken.size - offset))
        const looked =
          kept.length > 0 && step !== undefined ? await deps.output?.look(step, offset, kept) : undefined
        const { spans: mask = [], unseen } = looked ?? {}
        return {
          ...taken,
          ...(mask.length === 0 ? {} : { mask: [...mask] }),
          ...(unseen === undefined ? {} : { unseen }),
        }
      }),
    },
    {
      method: 'POST',
      path: '/v1/steps/:id/written',
      summary:
        'Have a text looked at that the step wrote for its CI, called ?name=NAME, before the CI has it; `mask` is where secrets stand in it',
      auth: 'dpop',
      bodyType: 'bytes',
      bodyLimitBytes: maxWrittenBytes,
      response: z.object({
        mask: z.array(z.object({ from: z.int(), to: z.int() })),
        unseen: unseenText,
      }),
      ...withBody(z.unknown(), async (call, bytes) => {
        const id = ownStep(call)
        const step = broker.step(id)
        // In its grace, too: nobody looks any more, and that is not to read as nothing was found.
        if (step === undefined) throw deps.notices.ofStep(id)
        const { name } = call.query
        if (!Buffer.isBuffer(bytes) || typeof name !== 'string' || !/^[A-Z_]{1,64}$/.test(name))
          throw new MayflyError('bad_input', 'send application/octet-stream, and ?name= of capitals')
        const { spans: mask = [], unseen } = (await deps.output?.lookAtFile(step, name, bytes)) ?? {}
        return { mask: [...mask], ...(unseen === undefined ? {} : { unseen }) }
      }),
    },
    {
      method: 'GET',
      path: '/v1/runs/:id/logs',
      summary: 'The steps of a run that said anything or still run, and what is kept of their logs',
      auth: 'session:read',
      response: runLogsAnswer,
      handle: async (call) => runLogs(store, call.params['id'] ?? ''),
    },
    {
      method: 'GET',
      path: '/v1/steps/:id/log',
      summary: 'The plain bytes of the step’s log that there are now, from ?from=BYTES on',
      auth: 'session:read',
      response: z.string(),
      responseType: 'bytes',
      handle: async (call) =>
        (await logs.read((call.params['id'] ?? '') as StepId, byteCount(call, 'from'))) ?? Buffer.alloc(0),
    },
    {
      method: 'DELETE',
      path: '/v1/runs/:id/logs',
      summary: 'Remove the logs of a run’s steps that have ended, for good',
      auth: 'audit:erase',
      response: z.object({ removed: z.int() }),
      handle: async (call) => {
        const run = call.params['id'] ?? ''
        const { steps } = await runLogs(store, run)
        const kept = steps.filter(({ log }) => log?.state !== 'removed')
        if (kept.length === 0) throw noSuch('run with a log that is kept, called', run, [])
        const removed = await logs.remove(kept.map(({ step }) => step as StepId))
        // Taken away first: a log that is down does not keep it here.
        await broker.outbox.write(async (_, add) =>
          add([operatorEvent(call, 'logs.removed', { of: run, removed })]),
        )
        return { removed }
      },
    },
  ]
}

function byteCount(call: Call, name: string): number {
  const text = call.query[name] ?? '0'
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text)
  throw new MayflyError('bad_input', `?${name} is a number of bytes`)
}
