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
  type Cancellation,
  type JobResult,
  type Notices,
  type Redactor,
} from '../runner/index.ts'
import { exitCodes, printError, table } from './output.ts'
import { openResultsFiles } from './results-file.ts'
import { missingVariables, stepsOf, type RunOptions } from './run-steps.ts'
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
    if (cancellation.asked.aborted) return cancellation.exitCode()
    return error instanceof MayflyError && error.code === 'bad_input' ? exitCodes.usage : notStartedExitCode
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
  const server = namedServer(options.server)
  if (server === undefined)
    throw new MayflyError('bad_input', 'say where the Mayfly server is: --server URL or MAYFLY_SERVER')
  const { steps, failFast } = await stepsOf(command, options)
  using files = openResultsFiles(options)
  const { tell } = speech.notices
  for (const line of missingVariables(steps, environment.variables)) tell(`mayfly: ${line}`)
  const result = await runJob({
    ...speech,
    server,
    environment,
    ...{ steps, failFast, isFile: options.file !== undefined },
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    clock: systemClock,
    ...(options.stdin ? { stdin: process.stdin } : {}),
    stdout: options.json ? process.stderr : process.stdout,
    stderr: process.stderr,
    merged: options.json || isSamePlace(1, 2),
  })
  const { error, ...plain } = result
  files.write(speech.redactor.data(plain))
  if (options.file === undefined && error !== undefined) throw error
  report(plain, options, speech)
  return result.exitCode
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
  notices.tell(`mayfly: run ${result.runId}: mayfly audit show --run ${result.runId}`)
}

const header = ['STEP', 'ROLE', 'EXIT', 'TIME', 'ACCESS']

const notRun = {
  condition: 'not run: its `if` said no',
  failure: 'not run: a step before it failed',
  cancelled: 'not run: cancelled',
  error: 'could not be run',
} as const

function rowsOf(result: JobResult): string[][] {
  const ran = result.steps.map(({ name, role, attempt, exitCode, durationMs, activity, outcome }) => [
    attempt === 1 ? name : `${name} (attempt ${attempt})`,
    role,
    `${exitCode}${outcome === 'timed_out' ? ' (timeout)' : ''}`,
    `${durationMs} ms`,
    `${count(activity.granted)} granted, ${count(activity.denied)} refused`,
  ])
  const left = result.notRun.map(({ name, role, why }) => [name, role, '-', '-', notRun[why]])
  return [...ran, ...left]
}

function count(items: readonly { count: number }[]): number {
  return items.reduce((sum, item) => sum + item.count, 0)
}
