import { z } from 'zod'
import { name } from './name-schema.ts'

const claimValue = z.union([
  z.string().min(1),
  z.array(z.string().min(1)).min(1).describe('Any one of these.'),
  z.boolean().transform(String),
])

/** A number that no issuer writes so would never hold: the rule would look as if it let somebody in. */
const idValue = claimValue.refine(
  (value) => [value].flat().every((one) => !/^0[0-9]+$/.test(one)),
  'an id that is a number has no 0 in front',
)

const conditions = {
  subject: claimValue.optional(),
  repository: claimValue
    .optional()
    .describe('Full name; may change hands: name it only beside `repository_id`.'),
  repository_id: idValue.optional().describe('The immutable id of the repository (GitLab: project_id).'),
  owner: claimValue.optional().describe('May change hands: name it only beside `owner_id`.'),
  owner_id: idValue.optional().describe('The immutable id of the owner (GitLab: namespace_id).'),
  ref: claimValue.optional().describe('Full ref: refs/heads/main, refs/tags/v*.'),
  ref_protected: claimValue.optional(),
  commit: claimValue.optional(),
  workflow: claimValue.optional().describe('Which pipeline definition, with its ref.'),
  workflow_digest: claimValue.optional().describe('The commit that the pipeline definition was read from.'),
  environment: claimValue.optional(),
  event: claimValue.optional().describe('What started it: push, pull_request, ...'),
  actor: claimValue.optional().describe('May change hands: name it only beside `actor_id`.'),
  actor_id: idValue.optional(),
  runner: claimValue.optional(),
  fork: claimValue.optional().describe('Whether the code is of a fork, where the issuer says so.'),
  claims: z.record(z.string(), claimValue).optional().describe('Claims of the token by their own names.'),
}

const alternative = z
  .strictObject(conditions)
  .refine(isCondition, 'an alternative without a condition always holds: add one or remove it')

function isCondition({ claims = {}, ...attributes }: { claims?: object | undefined }): boolean {
  return [...Object.values(attributes), ...Object.values(claims)].some((value) => value !== undefined)
}

/** The claims of an Identity that a trust rule may name. `claims` holds raw ones of any issuer. */
export const trust = z
  .strictObject({
    issuer: name.describe('A name under `issuers`.'),
    ...conditions,
    any: z
      .array(alternative)
      .min(1, 'without an alternative nothing could hold: add one or remove `any`')
      .max(32)
      .optional()
      .describe('Alternatives, of which at least one must hold beside the conditions above.'),
    by_name: z
      .literal(true)
      .optional()
      .describe(
        'Accepts a name without its id, although it may change hands; `mayfly policy lint` reports it.',
      ),
  })
  .describe('All conditions must hold.')

/** The claims that `trust` names itself; all others stand under `claims`. */
export const trustAttributes: ReadonlySet<string> = new Set(
  Object.keys(conditions).filter((key) => key !== 'claims'),
)

export type TrustConfig = z.output<typeof trust>
export type TrustConditions = z.output<typeof alternative>
