import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogReader, didYouMean, MayflyError, messageOf } from '../lib/index.ts'
import type { AuditOptions } from './audit-source.ts'
import { findEnd, hasAuditLog, holdLog, type LogDigest, type LogVerdict } from './log-attest.ts'
import { createAsciicast } from './log-asciicast.ts'
import { createLogView, type LogView } from './log-view.ts'
import { restOf, silentLines, type RunLogs, type StepOfRun } from './log-rest.ts'
import { createOperatorApi, type OperatorApi } from './operator-api.ts'
import { endWithReader, exitCodes, print } from './output.ts'
import { confirm } from './prompt.ts'
import { visible } from './story.ts'

export interface LogsOptions extends AuditOptions {
  step?: string
  follow: boolean
  timestamps: boolean
  asciicast?: string
  erase: boolean
  yes: boolean
  server?: string
}

const pollMs = 400

/** `mayfly logs`: exit code 1 if a log is not what the audit log has. */
export async function logs(run: string, options: LogsOptions): Promise<number> {
  const api = createOperatorApi(options)
  const list = () => api.call<RunLogs>('GET', `/v1/runs/${encodeURIComponent(run)}/logs`)
  if (options.erase) return await erase(api, run, options)
  const attested = hasAuditLog(options)
  endWithReader()
  if (options.json) return await listJson(api, await list(), attested, options)
  const told = new Set<string>()
  let code: number = exitCodes.ok
  for (;;) {
    const now = await list()
    const silent = await silentLines(now, attested, options)
    if (silent.length > 0) {
      for (const line of silent) tell(line)
      return exitCodes.ok
    }
    const wanted = wantedSteps(now, options)
    const next = wanted.find(({ step }) => !told.has(step))
    if (next !== undefined) {
      told.add(next.step)
      if (!(await showStep({ api, list, attested, options, step: next }))) code = exitCodes.refused
    } else if (!options.follow || !now.open || (options.step !== undefined && told.size > 0)) {
      const { withheld, silent } = await restOf(now, attested, options)
      for (const line of [...silent, ...withheld]) tell(line)
      if (told.size + silent.length + withheld.length === 0) tell(nothing(options))
      return withheld.length > 0 ? exitCodes.refused : code
    } else await sleep(pollMs)
  }
}

/** In the order in which they began; of several steps of one name all. */
function wantedSteps(
  { steps, open, run }: RunLogs,
  { step, follow, asciicast }: LogsOptions,
): readonly StepOfRun[] {
  const wanted = step === undefined ? steps : steps.filter((one) => one.name === step || one.step === step)
  if (step !== undefined && wanted.length === 0 && !(follow && open)) {
    const known = [...new Set(steps.map(({ name }) => name))]
    const near = didYouMean(step, known)
    const hint =
      near === undefined ? `steps that did are ${known.join(', ') || 'none'}` : `did you mean ${near}?`
    throw new MayflyError(
      'not_found',
      visible(`run ${run} has no step ${step}, or it wrote nothing (the audit log knows, --data): ${hint}`),
    )
  }
  if (asciicast !== undefined && wanted.length > 1)
    throw new MayflyError(
      'bad_input',
      visible(`--asciicast takes one step: --step ${wanted.map(({ step: id }) => id).join(' or ')}`),
    )
  return wanted
}

function nothing({ step }: LogsOptions): string {
  return step === undefined ? 'no step of this run has said anything' : `step "${step}" never began`
}

interface Showing {
  readonly api: OperatorApi
  readonly list: () => Promise<RunLogs>
  readonly attested: boolean
  readonly options: LogsOptions
  readonly step: StepOfRun
}

/** Shows one, to its end if that is asked for, and says whether it is what the audit log has. False if it is not. */
async function showStep(showing: Showing): Promise<boolean> {
  const { options, step } = showing
  const title = `step "${step.name}" (${step.step}), role ${step.role}`
  const gone = removedText(step)
  if (gone !== undefined || (step.log === null && !options.follow)) {
    tell(`${title}: ${gone ?? 'it has said nothing'}`)
    return true
  }
  tell(`${title}, began ${step.started}`)
  const view =
    options.asciicast === undefined
      ? createLogView({
          write: (bytes) => void process.stdout.write(bytes),
          tell: (line) => tell(line),
          timestamps: options.timestamps,
          toTerminal: process.stdout.isTTY,
        })
      : createAsciicast(options.asciicast, step.name)
  const { problem, shown } = await showBytes(showing, view)
  view.end()
  const now = await latest(showing)
  if (now?.growing === true) {
    tell(`${title}: it goes on; -f follows it`)
    return true
  }
  const verdict =
    now?.log === null
      ? ({ ok: true, text: 'it has said nothing' } as const)
      : await verdictOf(showing, step, shown)
  tell(`${title}: ${[problem, verdict.text].filter(Boolean).join('; ')}`)
  return verdict.ok !== false && problem === undefined
}

function removedText({ log }: StepOfRun): string | undefined {
  if (log?.state !== 'removed') return undefined
  const why: Readonly<Record<string, string>> = {
    age: 'as old as logs.keep allows',
    space: 'to make room: logs.max_total',
    erased: 'an operator had it removed',
    lost: 'its file was gone',
  }
  return `its log was removed ${log.removed ?? ''}, as the server says (${why[log.why ?? ''] ?? log.why ?? 'no reason is known'})`
}

const latest = async ({ list, step }: Showing): Promise<StepOfRun | undefined> =>
  (await list()).steps.find((one) => one.step === step.step)

/** All that there is of it; with `follow` until nothing more can come. `problem`: why it could not be shown whole. */
async function showBytes(
  showing: Showing,
  view: LogView,
): Promise<{ problem: string | undefined; shown: LogDigest }> {
  const { api, options, step } = showing
  const reader = createLogReader()
  const hash = createHash('sha256')
  let from = 0
  const digest = () => ({ bytes: from, sha256: hash.digest('hex') })
  try {
    for (;;) {
      // Asked before what there is: what does not grow any more is whole then.
      const growing = (await latest(showing))?.growing === true
      const before = from
      for await (const chunk of api.read(`/v1/steps/${step.step}/log?from=${from}`)) {
        from += chunk.length
        hash.update(chunk)
        for (const frame of reader.add(chunk)) view.add(frame, reader.startedMs() ?? 0)
        await drained()
      }
      if (!options.follow || !growing) break
      if (from === before) await sleep(pollMs)
    }
  } catch (error) {
    // Its file is damaged, or its runner made no log of it: that is said, it is held against the audit log, and the others follow.
    return { problem: messageOf(error), shown: digest() }
  }
  return { problem: reader.rest() > 0 ? 'it ends in the middle of a line' : undefined, shown: digest() }
}

/** Whoever reads our output may be slower than the server. */
async function drained(): Promise<void> {
  if (process.stdout.writableNeedDrain) await new Promise<void>((next) => process.stdout.once('drain', next))
}

async function verdictOf(
  { api, attested, options }: Pick<Showing, 'api' | 'attested' | 'options'>,
  step: StepOfRun,
  shown: LogDigest | undefined,
): Promise<LogVerdict> {
  if (!attested)
    return { ok: undefined, text: 'not verified: no audit log at hand (--data, or --url with --key)' }
  const end = await findEnd(options, step.step)
  if (end === undefined)
    return { ok: undefined, text: 'not verified: its end is not in what the audit log has published' }
  try {
    return await holdLog({ shown, read: () => api.read(`/v1/steps/${step.step}/log?from=0`) }, end)
  } catch (error) {
    return { ok: false, text: messageOf(error) }
  }
}

async function listJson(
  api: OperatorApi,
  { run, open, steps }: RunLogs,
  attested: boolean,
  options: LogsOptions,
): Promise<number> {
  const all = []
  let code: number = exitCodes.ok
  for (const step of wantedSteps({ run, open, steps }, options)) {
    const isKept = step.log !== null && step.log.state !== 'removed'
    const verdict =
      step.growing || !isKept ? undefined : await verdictOf({ api, attested, options }, step, undefined)
    if (verdict?.ok === false) code = exitCodes.refused
    all.push({
      ...step,
      ...(verdict === undefined ? {} : { verified: verdict.ok ?? null, detail: verdict.text }),
    })
  }
  const { withheld, silent } = await restOf({ run, open, steps }, attested, options)
  print(true, { run, open, steps: all, silent, withheld }, [])
  return withheld.length > 0 ? exitCodes.refused : code
}

async function erase(api: OperatorApi, run: string, { yes, json }: LogsOptions): Promise<number> {
  await confirm(`this removes what the server keeps of the logs of ${visible(run)}, for good`, { yes })
  const { removed } = await api.call<{ removed: number }>(
    'DELETE',
    `/v1/runs/${encodeURIComponent(run)}/logs`,
  )
  print(json, { run, removed }, [`the logs of ${removed} steps were removed`])
  return exitCodes.ok
}

/** On standard error: standard output is the step's own. */
function tell(line: string): void {
  process.stderr.write(`mayfly: ${visible(line)}\n`)
}
