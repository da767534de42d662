import { z } from 'zod'
import { nowSeconds, type Clock } from '../lib/index.ts'
import type { AccessTokens, Session } from '../broker/index.ts'
import type { Role } from '../policy/index.ts'
import type { Rules } from '../rules/index.ts'
import { tokenExpiry } from './lifetime.ts'

/** RFC 8628, section 3.2, as far as it fits: what to poll with, who can approve, and where. */
export const pendingApproval = z.object({
  device_code: z.string(),
  approval_id: z.string(),
  interval: z.int(),
  expires_in: z.int(),
  verification_uri: z.string(),
  approvers: z.string(),
  scope: z.string(),
})

/** What a supervisor must know of a role before it starts a step in it. Bytes and seconds. */
const roleFacts = z.object({
  name: z.string(),
  writes: z.boolean().describe('Does a grant of it change what it reaches?'),
  ttl_seconds: z.int(),
  isolation: z.string().describe('The least that a step must run in.'),
  allow: z.array(z.string()),
  services: z.array(z.int()),
  limits: z.object({
    memory_bytes: z.int(),
    processes: z.int(),
    cpus: z.number().optional(),
    disk_bytes: z.int(),
    open_files: z.int(),
    time_seconds: z.int().optional(),
    output_bytes: z.int(),
  }),
})

/** The job as its issuer said it, as far as a step's start depends on it. */
const jobFacts = z.object({
  issuer: z.string().describe('Its name in mayfly.yaml.'),
  repository: z.string().optional(),
  repository_id: z.string().optional(),
  ref: z.string().optional(),
  ref_protected: z.boolean().describe('False also where the issuer does not say.'),
  commit: z.string().optional(),
})

export const exchangeResponse = z.object({
  access_token: z.string(),
  issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
  token_type: z.literal('DPoP'),
  expires_in: z.int(),
  scope: z.string(),
  session_id: z.string(),
  run_id: z.string(),
  job: jobFacts,
  roles: z.array(roleFacts),
  waits: z
    .boolean()
    .optional()
    .describe('The time of its roles counts from the start of each step, not from now.'),
  refused: z
    .array(z.object({ role: z.string(), detail: z.string() }))
    .optional()
    .describe('Of the optional roles those that do not trust the job, and why.'),
  pending: pendingApproval
    .optional()
    .describe('The other roles that were asked for: people must approve them first.'),
})

/** The session's first access token, as the token endpoint answers. */
export function answerWith(
  deps: { tokens: AccessTokens; clock: Clock; rules: { current(): Rules } },
  session: Session,
  /** Roles that the job has asked for, and does not have yet. */
  others: readonly string[] = [],
): z.output<typeof exchangeResponse> {
  const expiresSeconds = tokenExpiry(session.expiresMs, deps.clock)
  const access_token = deps.tokens.sign({
    session: session.id,
    run: session.runId,
    roles: session.roles,
    jkt: session.jkt,
    actor: session.actor,
    expiresSeconds,
  })
  return {
    access_token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'DPoP',
    expires_in: expiresSeconds - nowSeconds(deps.clock),
    scope: session.roles.join(' '),
    session_id: session.id,
    run_id: session.runId,
    ...(session.waitSeconds === 0 ? {} : { waits: true }),
    job: jobOf(session),
    roles: [...new Set([...session.roles, ...others])]
      .flatMap((name) => deps.rules.current().policy.roles.get(name) ?? [])
      .map(factsOf),
  }
}

function jobOf({ subject }: Session): z.output<typeof jobFacts> {
  const { repository, repository_id, ref, commit, ref_protected } = subject.attributes
  return {
    issuer: subject.issuer,
    repository,
    repository_id,
    ref,
    commit,
    ref_protected: ref_protected === 'true',
  }
}

function factsOf(role: Role): z.output<typeof roleFacts> {
  const { name, writes, ttlSeconds, isolation, allow, services, limits } = role
  return {
    name,
    writes,
    ttl_seconds: ttlSeconds,
    isolation,
    allow: [...allow],
    services: [...services],
    limits: {
      memory_bytes: limits.memoryBytes,
      processes: limits.processes,
      cpus: limits.cpus,
      disk_bytes: limits.diskBytes,
      open_files: limits.openFiles,
      time_seconds: limits.timeSeconds,
      output_bytes: limits.outputBytes,
    },
  }
}
