import { z } from 'zod'
import { requirementsOf, rolesToAskAgain } from '../approval/index.ts'
import { recordedIdentity, type Session } from '../broker/index.ts'
import type { Identity, IdentityRefusal, Refused as RefusedToken } from '../identity/index.ts'
import {
  describeMismatches,
  nearestRole,
  pinsSubject,
  shortenMismatches,
  type Assumption,
  type Role,
} from '../policy/index.ts'
import { recordedClaims, recordedMismatches, type Rules } from '../rules/index.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import { askPeople, notYet } from './grant-flow.ts'
import { type Call, proofHeader } from './route.ts'
import { lifetimeOf, waitSeconds } from './lifetime.ts'
import { answerWith, type exchangeResponse } from './token-answer.ts'
import { needsNonce, oauthProblem, tryAgain, type HttpProblem } from './wire-error.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const subjectTypes = [
  'urn:ietf:params:oauth:token-type:id_token',
  'urn:ietf:params:oauth:token-type:jwt',
] as const

/** RFC 8693, section 2.1, as far as we speak it. */
export const exchangeRequest = z.object({
  grant_type: z.literal(grantType),
  subject_token: z.string().min(1),
  subject_token_type: z.enum(subjectTypes),
  scope: z.string().min(1).max(2048).describe('Role names, separated by spaces.'),
  later: z
    .string()
    .max(2048)
    .optional()
    .describe(
      'Roles that the job will assume with further tokens: it is told now if it may not, and people are asked now.',
    ),
  optional: z
    .string()
    .max(2048)
    .optional()
    .describe(
      'Of these roles the job may turn out not to need any: one that does not trust it is left out, and said in `refused`.',
    ),
  wait_seconds: waitSeconds,
  audience: z.string().optional(),
  resource: z.string().optional(),
})

/** The token endpoint: identity, policy, audit, store, token; in this order, and nothing without the one before. */
export async function exchangeToken(
  deps: ExchangeDeps,
  call: Call,
  request: z.output<typeof exchangeRequest>,
): Promise<z.output<typeof exchangeResponse>> {
  const rules = deps.rules.current()
  // At once, since neither depends on the other; what the token is said to be counts only if the proof is good.
  const [proof, verified] = await Promise.all([
    deps.proofs.verify(proofHeader(call), {
      method: 'POST',
      uri: `${deps.url()}/oauth/token`,
      remember: false,
    }),
    rules.identity.verify(request.subject_token),
  ])
  if (!proof.ok && proof.nonce !== undefined) throw needsNonce(400, proof.nonce)
  if (!proof.ok) throw oauthProblem(400, 'invalid_dpop_proof', proof.detail)
  if (!verified.ok) throw await refuseToken(deps, call, rules, verified)
  const { identity } = verified
  const now = request.scope.split(' ')
  const later = request.later?.split(' ') ?? []
  const optional = request.optional?.split(' ') ?? []
  const assumed = assumeRoles(rules, identity, [...now, ...later], optional)
  if (!assumed.ok) throw await refuseRole(deps, call, rules, identity, assumed.refusal)
  const names = assumed.roles.map((role) => role.name)
  const waiting = requirementsOf(rules.document, names).map(({ role }) => role)
  const atOnce = assumed.roles.filter(({ name }) => now.includes(name) && !waiting.includes(name))
  const asked = { rules, identity, roles: waiting, jkt: proof.jkt, requestId: call.requestId }
  if (atOnce.length === 0) {
    const pending = await askPeople(deps, { ...asked, usesToken: true })
    throw pending === undefined ? await refuseReplay(deps, call, identity) : notYet(pending)
  }
  const opened = await deps.broker.openSession({
    identity,
    roles: atOnce.map((role) => role.name),
    jkt: proof.jkt,
    ...lifetimeOf(atOnce, request.wait_seconds),
    requestId: call.requestId,
    claims: recordedClaims(rules, identity),
    namedClaims: rules.policy.namedClaims(identity),
  })
  if (!opened.ok) throw await refuseReplay(deps, call, identity)
  await endIfOutdated(deps, rules, opened.session)
  const refused = assumed.refused.map((one) => ({ role: one.role, detail: describeRefusal(one) }))
  const answer = { ...answerWith(deps, opened.session, names), ...(refused.length === 0 ? {} : { refused }) }
  if (waiting.length === 0) return answer
  try {
    // A pipeline builds while people look at what it wants to release.
    return { ...answer, pending: await askPeople(deps, { ...asked, usesToken: false }) }
  } catch (error) {
    await deps.broker.endSession(opened.session, 'approval_not_asked')
    throw error
  }
}

/** A policy that was applied while the session was written ends sessions like it, and did not see this one. */
async function endIfOutdated(deps: ExchangeDeps, rules: Rules, session: Session): Promise<void> {
  const now = deps.rules.current()
  const again = now === rules ? [] : rolesToAskAgain(rules, now)
  if (!session.roles.some((role) => again.includes(role))) return
  await deps.broker.endSession(session, 'approval_outdated')
  throw oauthProblem(
    400,
    'invalid_grant',
    'the policy changed while this was asked for, and a role needs approval now: start the step again',
  )
}

type Refused = Assumption & { allow: false }

/** Of the optional ones those that do not trust the job are left out, as long as any is left. */
function assumeRoles(
  rules: Rules,
  identity: Identity,
  names: readonly string[],
  optional: readonly string[],
): { ok: true; roles: Role[]; refused: Refused[] } | { ok: false; refusal: Refused } {
  const assumptions = [...new Set(names)].map((name) => rules.policy.assume(name, identity))
  const roles = assumptions.flatMap((one) => (one.allow ? [one.role] : []))
  const refused = assumptions.flatMap((one) => (one.allow ? [] : [one]))
  const refusal = refused.find(({ role }) => roles.length === 0 || !optional.includes(role))
  return refusal === undefined ? { ok: true, roles, refused } : { ok: false, refusal }
}

/** These say something about a token that its issuer did sign; the rest a stranger could have made up. */
const tellable: ReadonlySet<IdentityRefusal> = new Set([
  'token_expired',
  'token_not_yet_valid',
  'audience_mismatch',
])

async function refuseToken(
  deps: ExchangeDeps,
  call: Call,
  rules: Rules,
  refused: RefusedToken,
): Promise<HttpProblem> {
  const { reason, detail, job } = refused
  await recordRefusal(deps, call, { reason, detail, ...(job === undefined ? {} : { issuer: job.issuer }) })
  return toldOf(rules, refused)
}

/** What whoever sent a token that was refused is told of it. */
export function toldOf(rules: Rules, { reason, detail, retryAfterSeconds, job }: RefusedToken): HttpProblem {
  // Nothing was taken yet: the same token is good once its issuer has been asked again.
  if (retryAfterSeconds !== undefined) return tryAgain(detail, retryAfterSeconds)
  const told =
    tellable.has(reason) || (job !== undefined && isKnownJob(rules, job) && isOfOurOwner(rules, job))
      ? `${reason}: ${detail}`
      : 'the identity token was refused; an operator finds the reason under this request id'
  return oauthProblem(400, 'invalid_grant', told)
}

function describeRefusal(refusal: Refused): string {
  return refusal.reason === 'role_unknown'
    ? `there is no role "${refusal.role}"; known are ${refusal.known.slice(0, 50).join(', ')}`
    : `role "${refusal.role}" does not trust this job: ${describeMismatches(refusal.mismatches)}`
}

async function refuseRole(
  deps: ExchangeDeps,
  call: Call,
  rules: Rules,
  identity: Identity,
  refusal: Refused,
): Promise<HttpProblem> {
  // An entry has room for so much, and a refusal must not stay out of the log for want of it.
  const mismatches = refusal.reason === 'trust_mismatch' ? shortenMismatches(refusal.mismatches) : undefined
  await recordRefusal(
    deps,
    call,
    {
      role: refusal.role,
      reason: refusal.reason,
      ...(mismatches === undefined ? {} : { mismatches: recordedMismatches(identity, mismatches) }),
      issuer: identity.issuer,
      ...recordedIdentity(identity),
      claims: recordedClaims(rules, identity),
      token: identity.tokenId,
    },
    identity,
  )
  if (isStranger(rules, identity, refusal))
    return oauthProblem(
      403,
      'invalid_target',
      'not trusted here; an operator finds the reason under this request id',
    )
  if (refusal.reason === 'role_unknown') return oauthProblem(400, 'invalid_scope', describeRefusal(refusal))
  const nearest = nearestRole(rules.policy, identity, refusal.role)
  const other = nearest?.allow === true ? `; role "${nearest.role}" does` : ''
  return oauthProblem(403, 'invalid_target', `${describeRefusal(refusal)}${other}`, mismatches)
}

function isStranger(rules: Rules, identity: Identity, refusal: Refused): boolean {
  if ((rules.pins.get(identity.issuer) ?? []).length === 0) return false
  return (
    !isKnownJob(rules, identity) ||
    (refusal.reason === 'trust_mismatch' && refusal.mismatches.some(({ claim }) => claim === 'issuer'))
  )
}

/** Whether some rule knows the ids of this job; always, where an issuer's jobs are all our own. */
export function isKnownJob(rules: Rules, job: NonNullable<RefusedToken['job']>): boolean {
  const pins = rules.pins.get(job.issuer) ?? []
  if (pins.length === 0) return true
  return [...rules.policy.roles.values()].some(({ trust }) =>
    pins.some((claim) => pinsSubject(trust, claim, job)),
  )
}

/** Of a token that was refused it is not known yet that it is of the one owner whom its issuer lets in. */
function isOfOurOwner(
  { compiled }: Rules,
  { issuer, attributes }: NonNullable<RefusedToken['job']>,
): boolean {
  const fixed = Object.entries(compiled.issuers.get(issuer)?.fixed ?? {})
  const named: Readonly<Record<string, string | undefined>> = attributes
  return fixed.every(([name, only]) => named[name] === only)
}

async function refuseReplay(deps: ExchangeDeps, call: Call, identity: Identity): Promise<HttpProblem> {
  await recordRefusal(
    deps,
    call,
    {
      reason: 'token_replayed',
      ...recordedIdentity(identity),
      token: identity.tokenId,
    },
    identity,
  )
  return oauthProblem(
    400,
    'invalid_grant',
    'token_replayed: this identity token was used before, and each is taken once. A CI that hands a job one token (GitLab, Bitbucket): run all of its steps by one `mayfly run -f FILE`; any other: ask it for a fresh one',
  )
}

async function recordRefusal(
  deps: ExchangeDeps,
  call: Call,
  data: Record<string, unknown>,
  identity?: Identity,
): Promise<void> {
  const repository = identity?.attributes.repository_id ?? identity?.attributes.subject ?? ''
  const source = identity === undefined ? call.address : `${identity.issuer} ${repository}`
  await deps.refusals.record(source, { type: 'session.refused', data: { request: call.requestId, ...data } })
}
