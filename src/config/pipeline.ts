import type { Engine } from '../lib/index.ts'
import { parseConfig, type ConfigProblem } from './document.ts'
import { durationSeconds } from './name-schema.ts'
import { parseCondition, unlessFailed, type Condition } from './condition.ts'
import { graphProblems, inOrder, needsOf, sourcesOf, type PipelineProblem } from './pipeline-graph.ts'
import {
  countCombinations,
  matrixMembers,
  matrixVariables,
  maxSteps,
  memberName,
  type MatrixMember,
} from './pipeline-matrix.ts'
import { pipelineSchema, type PipelineDocument, type PipelineStep } from './pipeline-schema.ts'

/** A pipeline file, read, checked and unfolded. */
export interface Pipeline {
  readonly failFast: boolean
  /** Each after those that it needs. */
  readonly steps: readonly PlannedStep[]
}

/** What a step asks to be isolated by. */
export type StepIsolation = 'namespace' | Engine | 'none'

/** One step to run: of a matrix, one of its combinations. */
export interface PlannedStep {
  readonly name: string
  /** As it is written in the file. */
  readonly writtenName: string
  readonly role: string
  readonly run: string
  readonly env: Readonly<Record<string, string>>
  readonly passEnv: readonly string[]
  readonly isolation: StepIsolation
  readonly image: string | undefined
  readonly lockfile: string
  readonly dotenv: string | undefined
  /** A folder of the job's workspace for what is signed of it. */
  readonly attestations: string | undefined
  readonly continueOnError: boolean
  /** Names of planned steps, each of them above or below, none of them in a circle. */
  readonly needs: readonly string[]
  /** Steps whose outputs and artifacts it has: those that its `needs` names; without one, all that come before it. */
  readonly takesFrom: readonly string[]
  /** The outputs that it has of them, each under the name of a variable. */
  readonly values: readonly { readonly step: string; readonly output: string; readonly variable: string }[]
  readonly condition: Condition
  /** It has an `if` of its own. */
  readonly isConditional: boolean
  readonly matrix: MatrixMember
  readonly timeoutSeconds: number | undefined
  readonly retries: Retries
  readonly outputs: readonly string[]
  readonly artifacts: readonly string[]
  readonly workspace: 'fresh' | 'shared' | undefined
  readonly checkout:
    | { readonly connection?: string; readonly depth?: number; readonly submodules?: boolean }
    | undefined
  readonly cache: readonly string[]
  readonly services: readonly number[]
  readonly tools: readonly string[]
}

export interface Retries {
  readonly count: number
  /** Undefined: after any failure. */
  readonly on: readonly (number | 'infrastructure')[] | undefined
}

export type ReadPipeline =
  | { readonly ok: true; readonly pipeline: Pipeline }
  | { readonly ok: false; readonly problems: ConfigProblem[] }

/** A step's name goes to the server and into the log. */
const maxNameChars = 128

/** Reads a pipeline file. Every mistake comes back with file, line and column. */
export function readPipeline(text: string, file: string): ReadPipeline {
  const parsed = parseConfig(text, file, pipelineSchema)
  if (!parsed.ok) return parsed
  const document = withDefaults(parsed.value)
  const problems = [...graphProblems(document.steps), ...stepProblems(document.steps)]
  if (problems.length > 0)
    return {
      ok: false,
      problems: problems.map(({ path, message }) => ({ ...parsed.locate(path), message })),
    }
  return { ok: true, pipeline: { failFast: document.fail_fast, steps: plan(document) } }
}

function withDefaults(document: PipelineDocument): PipelineDocument {
  return {
    ...document,
    steps: document.steps.map((step) => ({
      ...document.defaults,
      ...step,
      env: { ...document.env, ...step.env },
    })),
  }
}

/** What the schema cannot see, since it concerns several places. */
function stepProblems(steps: readonly PipelineStep[]): PipelineProblem[] {
  const problems = steps.flatMap((step, i) => [
    ...roleProblems(step, i),
    ...matrixProblems(step, i),
    ...conditionProblems(steps, step, i),
    ...outputProblems(steps, step, i),
    ...attestationProblems(steps, step, i),
    ...imageProblems(step, i),
  ])
  const count = steps.reduce((sum, { matrix }) => sum + matrixMembers(matrix).length, 0)
  if (count > maxSteps)
    problems.push({ path: ['steps'], message: `more than ${maxSteps} steps, all combinations counted` })
  return problems
}

function roleProblems(step: PipelineStep, i: number): PipelineProblem[] {
  if (step.role !== undefined) return []
  return [{ path: ['steps', i], message: `steps.${i}.role: is required, here or in \`defaults\`` }]
}

function matrixProblems({ name, matrix, outputs, artifacts }: PipelineStep, i: number): PipelineProblem[] {
  if (matrix === undefined) return []
  const members = matrixMembers(matrix)
  const path = ['steps', i, 'matrix']
  const names = Object.keys(matrix).filter((key) => !/^[a-z][a-z0-9_]{0,31}$/.test(key))
  const problems = names.map((key) => ({
    path: [...path, key],
    message: `"${key}" cannot be the name of a list: lower-case letters, digits and _; at most 32`,
  }))
  if (countCombinations(matrix) === undefined)
    return [{ path, message: `more than ${maxSteps} steps, all combinations counted` }]
  if (members.length === 0) problems.push({ path, message: 'no combination is left to run' })
  const memberNames = members.map((member) => memberName(name, member))
  const twin = memberNames.find((one, at) => memberNames.indexOf(one) !== at)
  if (twin !== undefined) problems.push({ path, message: `"${twin}" is there twice` })
  const long = memberNames.find((one) => one.length > maxNameChars)
  if (long !== undefined)
    problems.push({ path, message: `a name of more than ${maxNameChars} characters: "${long}"` })
  if (outputs.length > 0)
    problems.push({
      path: ['steps', i, 'outputs'],
      message: 'a step with a matrix has no outputs: there would be one for each combination',
    })
  if (artifacts.length > 0)
    problems.push({
      path: ['steps', i, 'artifacts'],
      message: 'a step with a matrix hands no artifacts on: each combination has its own of the same name',
    })
  return problems
}

function conditionProblems(steps: readonly PipelineStep[], step: PipelineStep, i: number): PipelineProblem[] {
  if (step.if === undefined) return []
  const path = ['steps', i, 'if']
  const parsed = parseCondition(step.if)
  if (!parsed.ok)
    return [{ path, message: `steps.${i}.if: at character ${parsed.at + 1}: ${parsed.message}` }]
  const sources = sourcesOf(steps, step)
  return parsed.condition.outputs.flatMap((output) => {
    const of = steps.find(({ name }) => name === output.step)
    if (of === undefined || !sources.includes(output.step))
      return [
        {
          path,
          message: `steps.${i}.if: "${output.step}" is no step whose outputs this one has: name it in its \`needs\``,
        },
      ]
    if (of.outputs.includes(output.name)) return []
    return [{ path, message: `steps.${i}.if: step "${output.step}" has no output "${output.name}"` }]
  })
}

function imageProblems({ isolation, image }: PipelineStep, i: number): PipelineProblem[] {
  const isContainer = isolation === 'podman' || isolation === 'docker'
  if (isContainer === (image !== undefined)) return []
  const message = isContainer
    ? `steps.${i}.image: is required for isolation: ${isolation}`
    : `steps.${i}.image: is for isolation: podman or docker`
  return [{ path: ['steps', i], message }]
}

/** Nothing that is there is replaced, so a folder is for one step. */
function attestationProblems(
  steps: readonly PipelineStep[],
  { attestations, matrix }: PipelineStep,
  i: number,
): PipelineProblem[] {
  if (attestations === undefined) return []
  const path = ['steps', i, 'attestations']
  if (matrix !== undefined)
    return [
      {
        path,
        message: 'a step with a matrix writes no attestations: each combination has its own of the same name',
      },
    ]
  const folderOf = (one: string) =>
    one
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')
  const other = steps
    .slice(0, i)
    .find((one) => one.attestations !== undefined && folderOf(one.attestations) === folderOf(attestations))
  if (other === undefined) return []
  return [{ path, message: `step "${other.name}" writes its own there: name another folder` }]
}

/** Of two that would be one variable nobody could say which it is. */
function outputProblems(steps: readonly PipelineStep[], step: PipelineStep, i: number): PipelineProblem[] {
  const values = valuesOf(steps, sourcesOf(steps, step))
  return values.flatMap(({ step: name, output, variable }, at) => {
    const other = values.slice(0, at).find((one) => one.variable === variable)
    if (other === undefined) return []
    const message = `${other.step}.${other.output} and ${name}.${output} would both be the variable ${variable}`
    return [{ path: ['steps', i], message }]
  })
}

/** The outputs of these steps, each with the variable in which another one has it. */
function valuesOf(steps: readonly PipelineStep[], sources: readonly string[]): PlannedStep['values'] {
  return steps
    .filter(({ name }) => sources.includes(name))
    .flatMap(({ name, outputs }) =>
      outputs.map((output) => ({ step: name, output, variable: outputVariable(name, output) })),
    )
}

function outputVariable(step: string, output: string): string {
  return `NEEDS_${step}_${output}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

function plan(document: PipelineDocument): PlannedStep[] {
  const needs = needsOf(document.steps)
  const unfolded = new Map(
    document.steps.map(({ name, matrix }) => [
      name,
      matrixMembers(matrix).map((member) => memberName(name, member)),
    ]),
  )
  const planned = document.steps.flatMap((step) => {
    const written = needs.get(step.name) ?? []
    const needed = written.flatMap((name) => unfolded.get(name) ?? [])
    const takesFrom = sourcesOf(document.steps, step)
    const values = valuesOf(document.steps, takesFrom)
    return matrixMembers(step.matrix).map((member) => ({
      ...planStep(step, member, needed),
      takesFrom,
      values,
    }))
  })
  return inOrder(planned)
}

function planStep(
  step: PipelineStep,
  matrix: MatrixMember,
  needs: readonly string[],
): Omit<PlannedStep, 'takesFrom' | 'values'> {
  const parsed = step.if === undefined ? undefined : parseCondition(step.if)
  return {
    name: memberName(step.name, matrix),
    writtenName: step.name,
    role: step.role ?? '',
    run: step.run,
    env: { ...step.env, ...matrixVariables(matrix) },
    passEnv: step.pass_env ?? [],
    isolation: step.isolation ?? 'namespace',
    image: step.image,
    lockfile: step.lockfile ?? 'package-lock.json',
    dotenv: step.dotenv,
    attestations: step.attestations,
    continueOnError: step.continue_on_error,
    needs,
    condition: parsed?.ok === true ? parsed.condition : unlessFailed,
    isConditional: parsed?.ok === true,
    matrix,
    timeoutSeconds: step.timeout === undefined ? undefined : durationSeconds(step.timeout),
    retries: retriesOf(step.retries),
    outputs: step.outputs,
    artifacts: step.artifacts,
    workspace: step.workspace,
    checkout: step.checkout === true ? {} : plainCheckout(step.checkout),
    cache: step.cache ?? [],
    services: step.services ?? [],
    tools: step.tools ?? [],
  }
}

function retriesOf(retries: PipelineStep['retries']): Retries {
  if (typeof retries === 'object') return { count: retries.count, on: retries.on }
  return { count: retries ?? 0, on: undefined }
}

function plainCheckout(checkout: Exclude<PipelineStep['checkout'], true>): PlannedStep['checkout'] {
  if (checkout === undefined) return undefined
  const { connection, depth, submodules } = checkout
  return {
    ...(connection === undefined ? {} : { connection }),
    ...(depth === undefined ? {} : { depth }),
    ...(submodules === undefined ? {} : { submodules }),
  }
}
