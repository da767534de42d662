import { z } from 'zod'
import { name } from './name-schema.ts'

const text = z.string().min(1).max(1_000)
const texts = z.union([text, z.array(text).min(1).max(50)])
const id = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?!0[0-9])/, 'an id that is a number has no 0 in front')
const ids = z.union([id, z.array(id).min(1).max(50)])
const anyOf = 'One, or a list of which one is enough.'

const age = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smhd]$/, { error: 'a time such as 30m, 12h or 30d', abort: true })

/** What may be demanded of how an artifact was made; which of it makes sense together is judged where it is loaded. */
export const demandKeys = {
  builder: texts
    .optional()
    .describe(
      `Who built it, as the provenance names it: \`https://mayfly.example.com/builders/tier-b\`. \`*\` stands for any characters, but not in the host. ${anyOf}`,
    ),
  tier: z
    .enum(['B', 'C'])
    .optional()
    .describe(
      'The weakest isolation that is taken: `B`, namespaces of every kind or a container; `C`, also without a process namespace.',
    ),
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(1_000)
    .optional()
    .describe(
      'The URL of the OIDC issuer of the CI that it was built in: `https://token.actions.githubusercontent.com`.',
    ),
  repository_id: ids.optional().describe(`The immutable id of the repository. ${anyOf}`),
  owner_id: ids.optional().describe(`The immutable id of the repository’s owner. ${anyOf}`),
  repository: texts
    .optional()
    .describe(
      'The repository by name (`octo/app`), or its whole URL. It may change hands: name it beside `repository_id`.',
    ),
  ref: texts.optional().describe(`The full ref that it was built from: \`refs/tags/v*\`. ${anyOf}`),
  role: z
    .union([name, z.array(name).min(1).max(50)])
    .optional()
    .describe(`The role of the step that made it. ${anyOf}`),
  same_run: z.literal(true).optional().describe('A step of the same run made it. Of grants alone.'),
  identity: texts
    .optional()
    .describe(
      'Who signed, as the certificate names it: the workflow with its ref, `https://github.com/octo/app/.github/workflows/release.yml@refs/tags/v*`. It may change hands: name `repository_id` beside it.',
    ),
  approvals: z
    .union([
      z.int().min(1).max(20),
      z.strictObject({
        count: z.int().min(1).max(20).default(1),
        group: name.optional().describe('With `of`: only people who said yes for this group.'),
        of: text
          .optional()
          .describe(
            'The operation that they said yes to: `npm:publish npmjs/@octo/app@*`. If it is left out: the job’s taking the role.',
          ),
      }),
    ])
    .optional()
    .describe(
      'How many different people said yes to the job that made it: `2`. Or to an operation of the step: `{ count: 1, group: release, of: "npm:publish npmjs/@octo/app@*" }`.',
    ),
  max_age: age.optional().describe('How long ago it may have been signed: `30d`.'),
  no_secret_found: z
    .literal(true)
    .optional()
    .describe('The provenance says that no secret of the job was found in the output or the artifacts.'),
  dependencies: z
    .literal('verified')
    .optional()
    .describe(
      'Everything that it was built from was held against more than a registry’s word: a lockfile, a digest that was asked for, a signature, a checksum database.',
    ),
  predicate: z
    .union([text, z.array(text).min(1).max(10)])
    .optional()
    .describe(
      'Statements that must be there: `provenance` (if it is left out), `sbom`, `spdx`, `vsa`, `receipt`, `signature`, or the URI of a type.',
    ),
  by_name: z
    .literal(true)
    .optional()
    .describe('Takes `repository` or `identity` without an id beside it, although it may change hands.'),
}

export const demandsSchema = z.strictObject(demandKeys)
