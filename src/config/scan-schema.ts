import { z } from 'zod'
import { duration, name } from './name-schema.ts'

/** Where what leaves a step is looked at. */
export type ScanPlace = 'push' | 'packages' | 'images' | 'artifacts' | 'output'

const actions = ['block', 'known', 'warn', 'record', 'off'] as const
export type ScanAction = (typeof actions)[number]

const actionIn = (where: string) => z.enum(actions).optional().describe(where)

const allowed = z.strictObject({
  finding: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'the fingerprint of a finding, 32 hex digits, as the refusal says it')
    .describe('The fingerprint of the finding: of one secret, wherever it stands.'),
  path: z.string().min(1).max(300).optional().describe('Only in files that match; `*` crosses `/`.'),
  reason: z.string().min(3).max(300).describe('Why it is no leak.'),
  until: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a day, as 2027-01-31')
    .refine((day) => !Number.isNaN(Date.parse(day)), 'a day that there is')
    .describe('The last day, UTC; after it the finding counts again.'),
})

/** `scan` of mayfly.yaml, and of a role: what becomes of secrets in what leaves a step. */
export const scanSchema = z.strictObject({
  push: actionIn(
    'What `git:push` brings. `block`: refused if a secret is in it that is certain or likely; what is only possible is told. `known`: refused if a secret of the vault, or a credential that a step was given, is in it; all else is told. `warn`: the step is told. `record`: the log alone is. `off`: it is not looked at. `block` if left out.',
  ),
  packages: actionIn('Packages that are published; `block` if left out.'),
  images: actionIn(
    'Layers and manifests on `oci:push`; `known` if left out: base images have keys for tests in them.',
  ),
  artifacts: actionIn(
    'Files that a step hands on to others, looked at by rules where it runs: what the vault knows is not looked for there, so `known` is as `warn`. `block`: a step that would hand on what is certain or likely fails. `warn` if left out.',
  ),
  output: actionIn(
    'What steps write. It is masked from there on wherever it is found; `known` is as `warn`, which is meant if it is left out. `block` ends a step that writes more secrets than are masked.',
  ),
  unseen: z
    .enum(['refuse', 'tell'])
    .optional()
    .describe(
      'What becomes of what could not be looked at (encrypted, too large, packed too deeply) where a finding would be refused; `tell` if left out.',
    ),
  approvers: name
    .optional()
    .describe(
      'A name under `groups`: what is refused waits until one of them says yes to just these findings. Nobody approves what they triggered. Refused at once if left out.',
    ),
  timeout: duration.optional().describe('How long it waits for them; 10m if left out.'),
  allow: z
    .array(allowed)
    .max(1_000)
    .default([])
    .describe('Findings that are none. Those of a role are beside those of all.'),
})

const ruleId = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'the id of a rule: mayfly scan --list-rules')
  .max(100)

/** `scan` of all roles: with what is asked of vendors. */
export const scanOfAllSchema = scanSchema.extend({
  verify: z
    .strictObject({
      kinds: z
        .array(ruleId)
        .min(1)
        .max(200)
        .describe(
          'Ids of rules (docs/scan-verify.md lists those that can be asked about). What is not listed is never asked.',
        ),
      revoke: z
        .array(ruleId)
        .max(200)
        .default([])
        .describe(
          'Those of them that are ended at their vendor as soon as they are seen to be alive in what a step sends.',
        ),
      at: z
        .record(ruleId, name)
        .default({})
        .describe(
          'A connection whose host is asked, for kinds that have no host of the vendor’s, or another one of yours.',
        ),
    })
    .optional()
    .describe(
      'Asks vendors whether secrets that rules found are alive, whose they are and what they may do. Off if left out; never for jobs that strangers may have a hand in.',
    ),
})

export type ScanConfig = z.output<typeof scanSchema>
