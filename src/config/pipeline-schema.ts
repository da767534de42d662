import { z } from 'zod'
import { name } from './name-schema.ts'

const stepName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'letters, digits, space, dot, hyphen; at most 64')

const insidePath = z
  .string()
  .regex(/^(?!\/)(?![^]*(?:^|\/)\.\.(?:\/|$))[^\0\r\n]+$/, 'a path inside the workspace')

const step = z.strictObject({
  name: stepName,
  role: name.describe('The role this step runs with.'),
  run: z.string().min(1).describe('A shell script: bash -e -o pipefail, or sh -e where there is no bash.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
    .default({})
    .describe('Variables, as written here.'),
  pass_env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/))
    .default([])
    .describe(
      'Variables of the job handed on to the step. Everything else of the job’s environment stays outside.',
    ),
  isolation: z
    .enum(['namespace', 'none'])
    .default('namespace')
    .describe('`none` only if the role allows it too.'),
  lockfile: insidePath
    .default('package-lock.json')
    .describe('Pins what the step may install from an npm registry.'),
  dotenv: insidePath
    .optional()
    .describe(
      'A file of variables that the CI takes from the workspace after the job (GitLab, `artifacts:reports:dotenv`): what may not go on is taken out.',
    ),
  continue_on_error: z.boolean().default(false),
})

export const pipelineSchema = z.strictObject({
  steps: z
    .array(step)
    .min(1, 'a pipeline needs at least one step')
    .max(200)
    .refine(
      (steps) => new Set(steps.map((s) => s.name)).size === steps.length,
      'two steps have the same name',
    ),
})

export type PipelineDocument = z.output<typeof pipelineSchema>
export type PipelineStep = PipelineDocument['steps'][number]
