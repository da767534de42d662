import { readEnvironment, type Environment } from '../config/environment.ts'
import { MayflyError, messageOf, systemClock, systemCode } from '../lib/index.ts'
import {
  createCancellation,
  createNotices,
  createRedactor,
  isSamePlace,
  notStartedExitCode,
  runJob,
  secretsOfJob,
  refusedJob,
  type Cancellation,
  type JobRequest,
  type JobResult,
  type JobStep,
  type Notices,
  type Redactor,
} from '../runner/index.ts'
import { exitCodes, printError, table } from './output.ts'
import { openResultsFiles } from './results-file.ts'
import { missingVariables, stepsOf, type Asked, type RunOptions } from './run-steps.ts'
import { namedServer } from './server-url.ts'

/** What every line of ours goes through. */
interface Speech {
  readonly redactor: Redactor
  readonly notices: Notices
  readonly cancellation: Cancellation
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** `mayfly run`: returns the command's own exit code; 125 if Mayfly could not run it, or the server ended it. */
export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  const environment = readEnvironment()
  const redactor = createRedactor(secretsOfJob(environment.variables))
  const notices = createNotices(process.stderr, redactor)
  const cancellation = createCancellation(systemClock)
  const ask = (signal: NodeJS.Signals) => cancellation.request(signal as (typeof signals)[number])
  for (const signal of signals) process.on(signal, ask)
  endWithReaders(cancellation, notices)
  crashInOneLine(notices)
  try {
    return await runSteps({ redactor, notices, cancellation }, environment, command, options)
  } catch (error) {
    notices.end()
    printError(options.json, error, redactor.text)
    return exitCodeOfFault(error, cancellation)
  } finally {
    for (const signal of signals) process.off(signal, ask)
  }
}

async function runSteps(
  speech: Speech,
  environment: Environment,
  command: readonly string[],
  options: RunOptions,
): Promise<number> {
  using files = openResultsFiles(options)
  let steps: readonly JobStep[] = []
  let result: JobResult
  try {
    const asked = await stepsOf(command, options)
    steps = asked.steps
    result = await runJob(jobOf(speech, environment, asked, options))
  } catch (error) {
    writeRefusal(files, speech, steps, error)
    throw error
  }
  const { error, ...plain } = result
  files.write(speech.redactor.data(plain))
  if (options.file === undefined && error !== undefined) throw error
  report(plain, options, speech)
  return result.exitCode
}

function jobOf(speech: Speech, environment: Environment, asked: Asked, options: RunOptions): JobRequest {
  const server = namedServer(options.server)
  if (server === undefined)
    throw new MayflyError('bad_input', 'say where the Mayfly server is: --server URL or MAYFLY_SERVER')
  const { tell } = speech.notices
  for (const line of missingVariables(asked.steps, environment.variables)) tell(`mayfly: ${line}`)
  return {
    ...speech,
    server,
    environment,
    ...{ steps: asked.steps, failFast: asked.failFast, isFile: options.file !== undefined },
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    clock: systemClock,
    ...(options.stdin ? { stdin: process.stdin } : {}),
    stdout: options.json ? process.stderr : process.stdout,
    stderr: process.stderr,
    merged: options.json || isSamePlace(1, 2),
  }
}

/** The files of an earlier run must not be taken for those of this one, which has run nothing. */
function writeRefusal(
  files: ReturnType<typeof openResultsFiles>,
  { redactor, notices, cancellation }: Speech,
  steps: readonly JobStep[],
  error: unknown,
): void {
  const why = cancellation.asked.aborted ? 'cancelled' : 'refused'
  const refused = refusedJob(steps, why, messageOf(error), exitCodeOfFault(error, cancellation))
  try {
    files.write(redactor.data(refused))
  } catch (failed) {
    notices.tell(`mayfly: ${messageOf(failed)}`)
  }
}

function exitCodeOfFault(error: unknown, cancellation: Cancellation): number {
  if (cancellation.asked.aborted) return cancellation.exitCode()
  return error instanceof MayflyError && error.code === 'bad_input' ? exitCodes.usage : notStartedExitCode
}

/** Who reads our output may leave (`| head`), and we then end as other programs do by SIGPIPE: the step with us. */
function endWithReaders(cancellation: Cancellation, notices: Notices): void {
  const leave = (error: Error) => {
    if (!cancellation.asked.aborted && systemCode(error) !== 'EPIPE')
      notices.tell(`mayfly: the output cannot be written: ${messageOf(error)}`)
    cancellation.request('SIGPIPE')
  }
  // For good: what is written after this fails, too.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leave)
}

/** Node would print the error's own text, which may hold anything. The sandbox dies with us, and the server sees our silence. */
function crashInOneLine(notices: Notices): void {
  process.once('uncaughtException', (error) => {
    notices.end()
    const place = /\n\s+(at .*)/.exec(error.stack ?? '')?.[1] ?? ''
    notices.tell(`mayfly: an unexpected error: ${messageOf(error)} ${place}`)
    process.exit(notStartedExitCode)
  })
}

function report(result: JobResult, options: RunOptions, { notices, redactor }: Speech): void {
  notices.end()
  if (options.json) {
    process.stdout.write(`${JSON.stringify(redactor.data(result))}\n`)
    return
  }
  if (result.runId === '') return
  if (options.file !== undefined) notices.tell(`\n${table([header, ...rowsOf(result)]).join('\n')}`)
  for (const step of result.steps) tellAttested(step, options, notices)
  notices.tell(`mayfly: run ${result.runId}: mayfly audit show --run ${result.runId}`)
}

const header = ['STEP', 'ROLE', 'EXIT', 'TIME', 'ACCESS']

const notRun = {
  condition: 'not run: its `if` said no',
  failure: 'not run: a step before it failed',
  cancelled: 'not run: cancelled',
  refused: 'not run: the job was refused',
} as const

function rowsOf(result: JobResult): string[][] {
  const ran = result.steps.map(
    ({ name, role, attempt, exitCode, durationMs, activity, outcome, tolerated }) => [
      attempt === 1 ? name : `${name} (attempt ${attempt})`,
      role,
      `${exitCode}${outcome === 'timed_out' ? ' (timeout)' : ''}${tolerated === true ? ' (tolerated)' : ''}`,
      ...(outcome === 'not_started'
        ? ['-', 'could not be run']
        : [`${durationMs} ms`, `${count(activity.granted)} granted, ${count(activity.denied)} refused`]),
    ],
  )
  const left = result.notRun.map(({ name, role, why }) => [name, role, '-', '-', notRun[why]])
  return [...ran, ...left]
}

function tellAttested(
  { name, attested }: JobResult['steps'][number],
  { file }: RunOptions,
  { tell }: Notices,
): void {
  if (attested === undefined || attested.artifacts === 0) return
  const { artifacts, digest, pending, written } = attested
  const count = `${artifacts} ${artifacts === 1 ? 'artifact' : 'artifacts'}`
  const whose = file === undefined ? '' : `step "${name}": `
  const where = written === undefined ? '' : ` in ${written}`
  const ask = digest === undefined ? '' : `: mayfly attest show ${digest}`
  tell(`mayfly: ${whose}${count} ${pending === true ? 'to be attested' : 'attested'}${where}${ask}`)
}

function count(items: readonly { count: number }[]): number {
  return items.reduce((sum, item) => sum + item.count, 0)
}
