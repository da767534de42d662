import { z } from 'zod'
import { engines } from '../lib/index.ts'
import { duration, name } from './name-schema.ts'
import { port } from './sandbox-schema.ts'

const hasNoNul = (text: string) => !text.includes('\0')

/** No first line that names another program than a shell: that would be a comment to bash. */
const isForShell = (script: string) =>
  !script.startsWith('#!') || /^#![^\n]*\b(?:ba|da|a|k|z)?sh\b/.test(script)

const stepName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'letters, digits, space, dot, hyphen; at most 64')

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
/** With its name a variable has room for 128 KiB (MAX_ARG_STRLEN, execve(2)). */
const variableValue = z
  .string()
  .refine(hasNoNul, 'has a NUL, which no variable can hold')
  .refine((text) => Buffer.byteLength(text) <= 130_000, 'more than 130,000 bytes: put them into a file')
const variables = z.record(variableName.max(200), variableValue).default({})

const insidePath = z
  .string()
  .regex(/^(?!\/)(?![^]*(?:^|\/)\.\.(?:\/|$))[^\0\r\n]+$/, 'a path inside the workspace')

const artifact = insidePath
  .refine((path) => !/(?:^|\/)\.git(?:\/|$)/i.test(path), 'nothing of a .git is handed on')
  .refine((path) => !/[[\]{}!\\]/.test(path), 'patterns have *, ? and ** only')

const outputName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'the name of an output: letters, digits, _ and -; at most 64')

/** What may stand in the name of a step and in a variable; never put into a script. */
const matrixValue = z.union([
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9 ._+@:/-]{0,39}$/, 'letters, digits, space and . _ + @ : / -; at most 40'),
  // 3.10 would become 3.1.
  z.int(),
  z.boolean(),
])
const matrixName = z
  .string()
  .regex(/^(?!include$|exclude$)[a-z][a-z0-9_]{0,31}$/, 'lower-case letters, digits and _; at most 32')
const matrixMember = z.record(matrixName, matrixValue)
const matrixMembers = z.array(matrixMember).max(200)

const matrix = z
  .object({
    include: matrixMembers.default([]).describe('Combinations to add, as they stand here.'),
    exclude: matrixMembers.default([]).describe('Combinations to leave out: all that have these values.'),
  })
  .catchall(z.array(matrixValue).min(1).max(50))
  .describe(
    'Runs the step once for each combination of the values of these lists, as `NAME (node=20)`. The step has them as variables: `MATRIX_NODE`. They are never written into its script. Numbers with a dot need quotes.',
  )

const checkout = z
  .union([
    z.literal(true),
    z.strictObject({
      connection: name.optional().describe('Of several, the one to the Git host of this repository.'),
      depth: z
        .int()
        .min(0)
        .max(1_000_000)
        .optional()
        .describe('Commits of history; 0: all of it, with all branches and tags. 1 if left out.'),
      submodules: z.boolean().optional().describe('Those too, as far as the role may read them.'),
    }),
  ])
  .describe('A clean checkout of the run’s own commit, under the `git:read` of the role.')

const infrastructure = z.literal('infrastructure')
const retries = z
  .union([
    z.int('a number of retries').min(0).max(10),
    z.strictObject({
      count: z.int().min(1).max(10),
      on: z
        .array(z.union([z.int().min(1).max(255), infrastructure]))
        .min(1)
        .max(50)
        .describe(
          'Exit codes (124: its `timeout`), and `infrastructure` for what is no fault of its command: it could not be started. Anything if left out.',
        )
        .optional(),
    }),
  ])
  .describe('How often it is tried again after it failed. Each attempt is a step of its own in the record.')

/** Keys that `defaults` may have, too. */
const keysWithDefaults = {
  role: name.describe('The role this step runs with.').optional(),
  pass_env: z
    .array(variableName)
    .describe(
      'Variables of the job handed on to the step. Everything else of the job’s environment stays outside.',
    )
    .optional(),
  isolation: z
    .enum(['namespace', ...engines, 'none'])
    .describe(
      'What isolates it: `namespace` (bubblewrap; if left out), `podman` or `docker` with an `image`, `none`. Not weaker than the role’s.',
    )
    .optional(),
  image: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,254}$/, 'must be the name of an image')
    .describe('Of a step with `isolation: podman` or `docker`: it must be on the machine already.')
    .optional(),
  lockfile: insidePath
    .describe('Pins what the step may install from an npm registry; `package-lock.json` if left out.')
    .optional(),
  timeout: duration
    .describe('After that it is asked to end, gets the grace of its role, and is killed: exit code 124.')
    .optional(),
  retries: retries.optional(),
  workspace: z
    .enum(['fresh', 'shared'])
    .describe(
      '`fresh`: an empty one of its own. `shared`: the job’s. Left out, a role with a grant that writes gets a fresh one; to share it has to be allowed by the role, too.',
    )
    .optional(),
  checkout: checkout.optional(),
  cache: z
    .array(z.union([z.enum(['npm', 'pip', 'go', 'cargo']), z.string().regex(/^(?!\/)[^\0\r\n]{1,200}$/)]))
    .max(20)
    .describe(
      'Caches kept between runs: those of npm, pip, go, cargo, or a folder of the workspace. What a step leaves there is kept if it succeeds on a protected ref.',
    )
    .optional(),
  services: z
    .array(port)
    .max(32)
    .describe('Ports on the runner’s own localhost that the step may reach, if its role allows them.')
    .optional(),
  tools: z
    .array(z.enum(['auto', 'none']))
    .max(1)
    .describe(
      'Programs outside of /usr and /opt: `auto` (if left out), those that the job uses; `none`. Folders are named by who runs the file, with --tools: a pull request can change the file.',
    )
    .optional(),
} as const

const step = z.strictObject({
  name: stepName,
  run: z
    .string()
    .min(1)
    .refine(hasNoNul, 'has a NUL, which no script can hold')
    .refine(
      isForShell,
      'a script is run by bash, whatever its first line says: put this one into a file of the repository and run that, or give it to its program (python3 - <<"END")',
    )
    .describe('A shell script: bash -e -o pipefail, or sh -e where there is no bash.'),
  ...keysWithDefaults,
  needs: z
    .array(stepName, { error: 'a list of steps is wanted: needs: [NAME]' })
    .max(200)
    .describe(
      'Steps that come before it. Left out: the step above it, so a file runs from top to bottom. `[]`: none. Steps that do not need each other run at the same time.',
    )
    .optional(),
  if: z
    .string()
    .min(1)
    .describe('Whether it runs: `failure()`, `job.ref == "refs/heads/main"`; see pipelines.md.')
    .optional(),
  matrix: matrix.optional(),
  env: variables.describe('Variables, as written here.'),
  outputs: z
    .array(outputName)
    .max(50)
    .default([])
    .describe(
      'Names of values that it writes to the file `$MAYFLY_OUTPUT` as NAME=VALUE. Steps that name it in their `needs`, or come after it and have none, have them as `NEEDS_STEP_NAME`.',
    ),
  artifacts: z
    .array(artifact)
    .max(100)
    .default([])
    .describe(
      'Files that it hands to the steps that need it: paths, folders, patterns with `*`, `?` and `**`. Patterns do not take names with a dot in front, nor files that would run by their name (Makefile, package.json, ...): those are named one by one.',
    ),
  attestations: insidePath
    .refine((path) => !/(?:^|\/)\.git(?:\/|$)/i.test(path), 'nothing is written to a .git')
    .optional()
    .describe(
      'A folder of the job’s workspace for what the server signs of it: a bundle for each artifact, SHA256SUMS, the bill of materials. Nothing that is there is replaced.',
    ),
  dotenv: insidePath
    .optional()
    .describe(
      'A file of variables that the CI takes from the workspace after the job (GitLab, `artifacts:reports:dotenv`): what may not go on is taken out.',
    ),
  continue_on_error: z
    .boolean()
    .default(false)
    .describe('If it fails the job goes on, and the exit code is not that of this step.'),
})

export const pipelineSchema = z.strictObject({
  env: variables.describe('Variables of every step; one of the same name in a step goes before it.'),
  defaults: z
    .strictObject(keysWithDefaults)
    .default({})
    .describe('For each step that does not say it itself.'),
  fail_fast: z
    .boolean()
    .default(true)
    .describe(
      'After a step has failed no other one is started but those whose `if` asks for it, and those that run are asked to end. `false`: only what needs the failed step is not started.',
    ),
  steps: z.array(step).min(1, 'a pipeline needs at least one step').max(200),
})

export type PipelineDocument = z.output<typeof pipelineSchema>
export type PipelineStep = PipelineDocument['steps'][number]
