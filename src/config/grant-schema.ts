import { z } from 'zod'
import { demandKeys } from './demands-schema.ts'
import { duration, name } from './name-schema.ts'

const provenance = z.strictObject({
  ...demandKeys,
  trusted_root: z
    .string()
    .max(1_000)
    .regex(/^\//, 'the absolute path of a file on the server’s machine')
    .optional()
    .describe(
      'For what was built elsewhere: who may sign for it, a trusted root of Sigstore in JSON, or one on each line (`gh attestation trusted-root`), read again every hour. Of such a statement only what the certificate says counts. Without it: what this server signed.',
    ),
})

/** A grant that asks for more than its role, each time that it is used. */
const conditionedGrant = z
  .strictObject({
    grant: z.string().describe('`action connection/resource`, as a grant without conditions is written.'),
    approval: z
      .enum(['always', 'first'])
      .optional()
      .describe(
        'What only this grant allows waits in the gateway until a person says yes; the rest of the step goes on. `always`: each operation; `first`: once for a step. Nobody approves what they triggered.',
      ),
    approvers: name
      .optional()
      .describe('A name under `groups`: one of them says yes. Those of the role’s `approval` if left out.'),
    timeout: duration
      .optional()
      .describe('How long an operation waits; then it is refused. 10m if left out.'),
    commit: z
      .literal('own')
      .optional()
      .describe(
        'What is pushed is the commit of the job’s identity, or descends from it; else it is refused. Of `git:push` and `git:force`.',
      ),
    artifact: z
      .literal('run')
      .optional()
      .describe(
        'What is published or deployed has the digest of something that an earlier step of the same run published, or declared under `artifacts`; else it is refused. Of `oci:push`, `oci:force`, `npm:publish`, `pypi:publish`, `cargo:publish`, `rubygems:publish`, and of the images in what `k8s:apply`, `write`, `create`, `update` and `patch` bring.',
      ),
    provenance: provenance
      .optional()
      .describe(
        'What is published or deployed has an attestation that meets all of this, as `{ role: build, same_run: true }`; else it is refused. Of the same actions as `artifact`. docs/verify.md says what each means.',
      ),
  })
  .superRefine(({ approval, approvers, timeout, commit, artifact, provenance: demands }, problems) => {
    const complain = (message: string) => problems.addIssue({ code: 'custom', path: ['approval'], message })
    if (approval === undefined && (approvers ?? timeout) !== undefined)
      complain('`approvers` and `timeout` stand beside `approval`')
    else if ((approval ?? commit ?? artifact ?? demands) === undefined)
      complain(
        'say what the grant asks for: `approval`, `commit`, `artifact` or `provenance`; one that asks for nothing is written as text',
      )
  })

export const grants = z
  .array(z.union([z.string(), conditionedGrant]))
  .describe(
    '`action connection/resource`: `git:read github/octo/app`, `git:push github/octo/app@refs/tags/*`, `git:force github/octo/app@refs/heads/bot/*`, `npm:install npmjs`; or with conditions: `{ grant: "http:write deploys/prod/*", approval: always, approvers: release-managers }`.',
  )

export type GrantEntry = z.output<typeof grants>[number]

/** The grant itself, without its conditions. */
export function grantTextOf(entry: GrantEntry): string {
  return typeof entry === 'string' ? entry : entry.grant
}
