import { realpathSync, statSync } from 'node:fs'
import { readEnvironment } from '../config/environment.ts'
import type { PipelineStep } from '../config/index.ts'
import { MayflyError, systemClock } from '../lib/index.ts'
import {
  notStartedExitCode,
  runJob,
  shellCommand,
  type JobResult,
  type StepRequest,
} from '../runner/index.ts'
import { readText } from './apply.ts'
import { exitCodes, printError, table } from './output.ts'
import { namedServer } from './server-url.ts'

interface RunOptions {
  file?: string
  role?: string
  name: string
  workspace: string
  env?: string[]
  tools?: string[]
  lockfile: string
  isolation: 'namespace' | 'none'
  server?: string
  stdin: boolean
  json: boolean
}

type Step = StepRequest & { readonly continueOnError: boolean }

/** `mayfly run`: returns the command's own exit code; 125 if Mayfly could not run it. */
export async function run(command: readonly string[], options: RunOptions): Promise<number> {
  const cancel = new AbortController()
  const stop = () => cancel.abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  try {
    const environment = readEnvironment()
    const server = namedServer(options.server)
    if (server === undefined)
      throw new MayflyError('bad_input', 'say where the Mayfly server is: --server URL or MAYFLY_SERVER')
    const steps =
      options.file === undefined
        ? [commandStep(command, options)]
        : await fileSteps(options.file, command, options)
    const result = await runJob({
      server,
      environment,
      steps,
      clock: systemClock,
      ...(options.stdin ? { stdin: process.stdin } : {}),
      stdout: options.json ? process.stderr : process.stdout,
      stderr: process.stderr,
      cancel: cancel.signal,
      ...(options.file === undefined ? {} : { onStep: announce }),
    })
    report(result, options)
    return cancel.signal.aborted ? 130 : result.exitCode
  } catch (error) {
    printError(options.json, error)
    if (cancel.signal.aborted) return 130
    return error instanceof MayflyError && error.code === 'bad_input' ? exitCodes.usage : notStartedExitCode
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop)
  }
}

function commandStep(command: readonly string[], options: RunOptions): Step {
  if (command.length === 0)
    throw new MayflyError(
      'bad_input',
      'say what to run: mayfly run --role ROLE -- COMMAND, or mayfly run -f FILE',
    )
  if (options.role === undefined) throw new MayflyError('bad_input', 'say in which role: --role ROLE')
  return {
    ...common(options),
    name: options.name,
    role: options.role,
    command,
    env: {},
    passEnv: options.env ?? [],
    lockfile: options.lockfile,
    isolation: options.isolation,
    continueOnError: false,
  }
}

async function fileSteps(file: string, command: readonly string[], options: RunOptions): Promise<Step[]> {
  if (command.length > 0) throw new MayflyError('bad_input', 'either a pipeline file or a command, not both')
  if (options.stdin)
    throw new MayflyError('bad_input', '--stdin is for a single command: the steps of a file read /dev/null')
  // Schema and YAML parser are loaded for a file only: a command must start fast.
  const { configError, parseConfig, pipelineSchema } = await import('../config/index.ts')
  const parsed = parseConfig(readText(file), file, pipelineSchema)
  if (!parsed.ok) throw configError(parsed.problems)
  return parsed.value.steps.map((step) => pipelineStep(step, options))
}

function pipelineStep(step: PipelineStep, options: RunOptions): Step {
  return {
    ...common(options),
    name: step.name,
    role: step.role,
    command: shellCommand(step.run),
    env: step.env,
    passEnv: [...step.pass_env, ...(options.env ?? [])],
    lockfile: step.lockfile,
    isolation: step.isolation,
    continueOnError: step.continue_on_error,
  }
}

function common(options: RunOptions): { workspace: string; tools: string[] } {
  return {
    workspace: folderOf(options.workspace, 'workspace'),
    tools: (options.tools ?? []).map((path) => folderOf(path, 'tools folder')),
  }
}

function folderOf(path: string, what: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new MayflyError('bad_input', `the ${what} ${path} is no folder`)
  const real = realpathSync(path)
  // The whole machine as a workspace would undo the sandbox.
  if (real === '/') throw new MayflyError('bad_input', `the ${what} cannot be /`)
  return real
}

function announce(
  event:
    | { kind: 'start'; step: StepRequest }
    | { kind: 'end'; result: { name: string; exitCode: number; durationMs: number } },
): void {
  if (event.kind === 'start')
    process.stderr.write(`\nmayfly: step "${event.step.name}" as ${event.step.role}\n`)
  else
    process.stderr.write(
      `mayfly: step "${event.result.name}" exit ${event.result.exitCode}, ${event.result.durationMs} ms\n`,
    )
}

function report(result: JobResult, options: RunOptions): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`)
    return
  }
  if (options.file === undefined) return
  const rows = result.steps.map((step) => [
    step.name,
    step.role,
    String(step.exitCode),
    `${step.durationMs} ms`,
    `${count(step.activity.granted)} granted, ${count(step.activity.denied)} refused`,
  ])
  process.stderr.write(
    `\n${table([['STEP', 'ROLE', 'EXIT', 'TIME', 'ACCESS'], ...rows]).join('\n')}\nmayfly: mayfly audit show --run ${result.runId}\n`,
  )
}

function count(items: readonly { count: number }[]): number {
  return items.reduce((sum, item) => sum + item.count, 0)
}
