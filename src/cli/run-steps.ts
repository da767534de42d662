import { resolve } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import type { PlannedStep } from '../config/index.ts'
import { MayflyError, isNeverHandedOn } from '../lib/index.ts'
import {
  allowedTools,
  allowedWorkspace,
  findTools,
  shellCommand,
  type JobStep,
  type StepRequest,
} from '../runner/index.ts'
import { attestationsFolder, insideWorkspace } from './attestations-folder.ts'
import { readText } from './text-file.ts'

export interface RunOptions {
  file?: string
  role?: string
  name: string
  workspace: string
  env?: string[]
  tools?: string[]
  service?: string[]
  lockfile: string
  dotenv?: string
  cache?: string[]
  artifact?: string[]
  attestations?: string
  isolation: StepRequest['isolation']
  image?: string
  server?: string
  jobs?: number
  junit?: string
  results?: string
  stdin: boolean
  /** A fresh workspace with the run's own commit. */
  checkout: boolean
  /** In the job's workspace, although the role writes and others have been there. */
  sharedWorkspace: boolean
  /** A file with the script that the command, a shell, is to run. */
  script?: string
  json: boolean
}

/** What a command line asks for. */
export interface Asked {
  readonly steps: readonly JobStep[]
  readonly failFast: boolean
}

/** The steps that the command line asks for: one command, or a file of them. Throws `bad_input`. */
export async function stepsOf(command: readonly string[], options: RunOptions): Promise<Asked> {
  return options.file === undefined
    ? { steps: [commandStep(command, options)], failFast: true }
    : await fileSteps(options.file, command, options)
}

/** Variables that a step asks for and will not get, each with the reason. */
export function missingVariables(
  steps: readonly StepRequest[],
  variables: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set(steps.flatMap(({ passEnv }) => passEnv))]
  return names.flatMap((name) => {
    if (isNeverHandedOn(name)) return [`${name} is not handed on: who has it can get tokens of the job`]
    return variables[name] === undefined ? [`${name} is not handed on: the job has no such variable`] : []
  })
}

function commandStep(command: readonly string[], options: RunOptions): JobStep {
  if (command.length === 0 && options.script === undefined)
    throw new MayflyError(
      'bad_input',
      'say what to run: mayfly run --role ROLE -- COMMAND, or mayfly run -f FILE',
    )
  const pair = (options.env ?? []).find((name) => name.includes('='))
  if (pair !== undefined)
    throw new MayflyError(
      'bad_input',
      `-e ${pair.slice(0, pair.indexOf('='))}=...: it takes the name of a variable that the job has; set it before, or run env NAME=VALUE COMMAND`,
    )
  if (options.checkout && options.sharedWorkspace)
    throw new MayflyError(
      'bad_input',
      '--checkout makes a workspace of the step’s own: leave --shared-workspace out',
    )
  if (options.role === undefined) throw new MayflyError('bad_input', 'say in which role: --role ROLE')
  const shared = common(options)
  return {
    ...shared,
    name: options.name,
    role: options.role,
    ...(options.script === undefined ? { command } : scriptOf(options.script, command, options.isolation)),
    env: {},
    passEnv: options.env ?? [],
    services: (options.service ?? []).map(portOf),
    lockfile: options.lockfile,
    caches: (options.cache ?? []).map(cacheName),
    ...(options.dotenv === undefined ? {} : { dotenv: options.dotenv }),
    isolation: options.isolation,
    ...(options.image === undefined ? {} : { image: options.image }),
    workspaceKind: options.sharedWorkspace ? 'shared' : options.checkout ? 'fresh' : 'job',
    ...(options.checkout ? { checkout: {} } : {}),
    ...(options.artifact === undefined ? {} : { artifacts: options.artifact.map(artifactName) }),
    artifactsStay: true,
    ...(options.attestations === undefined
      ? {}
      : { attestations: attestationsFolder(options.attestations, shared.workspace) }),
    continueOnError: false,
    ...{ needs: [], takesFrom: [], values: [], matrix: {}, condition: { holds: ({ failed }) => !failed } },
    isConditional: false,
    retries: { count: 0, on: undefined },
  }
}

/** The file is read here: a CI writes its steps' scripts to a folder of its own, which no step sees. */
function scriptOf(
  file: string,
  shell: readonly string[],
  isolation: RunOptions['isolation'],
): Pick<JobStep, 'command' | 'script'> {
  const script = readText(file)
  if (script.includes('\0')) throw new MayflyError('bad_input', `${file} has a NUL, which no script can hold`)
  return { command: shell.length === 0 ? shellCommand(script, isolation) : [...shell, '-c', script], script }
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^[0-9]{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new MayflyError(
    'bad_input',
    `--service ${text}: it takes the port of a service on localhost, such as 5432`,
  )
}

async function fileSteps(file: string, command: readonly string[], options: RunOptions): Promise<Asked> {
  if (command.length > 0) throw new MayflyError('bad_input', 'either a pipeline file or a command, not both')
  if (options.stdin)
    throw new MayflyError('bad_input', '--stdin is for a single command: the steps of a file read /dev/null')
  if (options.checkout || options.sharedWorkspace)
    throw new MayflyError(
      'bad_input',
      '--checkout and --shared-workspace are for a single command: the steps of a file have `checkout` and `workspace`',
    )
  if (options.script !== undefined)
    throw new MayflyError('bad_input', '--script is for a single step: those of a file have `run`')
  if (options.service !== undefined)
    throw new MayflyError('bad_input', '--service is for a single command: a step of a file has `services:`')
  if (options.artifact !== undefined)
    throw new MayflyError(
      'bad_input',
      '--artifact is for a single command: a step of a file has `artifacts:`',
    )
  if (options.attestations !== undefined)
    throw new MayflyError(
      'bad_input',
      '--attestations is for a single command: a step of a file has `attestations:`',
    )
  // Schema and YAML parser are loaded for a file only: a command must start fast.
  const { configError, readPipeline } = await import('../config/index.ts')
  const read = readPipeline(readText(file), file)
  if (!read.ok) throw new MayflyError('bad_input', configError(read.problems).message)
  const { failFast, steps } = read.pipeline
  const inUse = [resolve(file)]
  return { failFast, steps: steps.map((step) => ({ ...pipelineStep(step, options), inUse })) }
}

function pipelineStep(step: PlannedStep, options: RunOptions): JobStep {
  const shared = common(options, step.tools)
  return {
    ...shared,
    name: step.name,
    role: step.role,
    command: shellCommand(step.run, step.isolation),
    script: step.run,
    env: step.env,
    passEnv: [...step.passEnv, ...(options.env ?? [])],
    services: step.services,
    lockfile: step.lockfile,
    caches: [...step.cache, ...(options.cache ?? [])].map(cacheName),
    ...(step.dotenv === undefined ? {} : { dotenv: step.dotenv }),
    isolation: step.isolation,
    ...(step.image === undefined ? {} : { image: step.image }),
    ...(step.workspace === undefined ? {} : { workspaceKind: step.workspace }),
    ...(step.checkout === undefined ? {} : { checkout: step.checkout }),
    ...(step.artifacts.length === 0 ? {} : { artifacts: step.artifacts }),
    ...(step.attestations === undefined
      ? {}
      : { attestations: insideWorkspace(step.attestations, shared.workspace) }),
    ...(step.timeoutSeconds === undefined ? {} : { timeoutSeconds: step.timeoutSeconds }),
    outputs: step.outputs,
    continueOnError: step.continueOnError,
    needs: step.needs,
    takesFrom: step.takesFrom,
    values: step.values,
    matrix: step.matrix,
    condition: step.condition,
    isConditional: step.isConditional,
    retries: step.retries,
  }
}

function cacheName(name: string): string {
  if (/^(?!\/)(?!(?:.*\/)?\.{0,2}(?:\/|$))(?!(?:.*\/)?\.git(?:\/|$))[^\0\r\n]{1,200}$/.test(name)) return name
  throw new MayflyError('bad_input', `cache ${name}: npm, pip, go, cargo, or a folder inside the workspace`)
}

function artifactName(name: string): string {
  const parts = name.split('/')
  const isInside = name !== '' && !name.startsWith('/') && !parts.includes('..')
  const isOfGit = parts.some((part) => /^\.git$/i.test(part))
  if (isInside && !isOfGit && !/[\0\r\n]/.test(name) && name.length <= 200) return name
  throw new MayflyError(
    'bad_input',
    '--artifact: a path or a pattern inside the workspace is wanted, and nothing of a .git: dist/*.tgz',
  )
}

function common(
  options: RunOptions,
  ofStep: readonly string[] = [],
): Pick<JobStep, 'workspace' | 'tools' | 'toolVariables'> {
  const environment = readEnvironment()
  const workspace = allowedWorkspace(options.workspace, environment)
  const asked = [...ofStep, ...(options.tools ?? (ofStep.length === 0 ? ['auto'] : []))]
  const found = asked.includes('auto') ? findTools(environment, workspace) : undefined
  const named = asked
    .filter((path) => path !== 'auto' && path !== 'none')
    .map((path) => allowedTools(path, environment))
  return {
    workspace,
    tools: [...new Set([...(found?.folders ?? []), ...named])],
    toolVariables: found?.variables ?? {},
  }
}
