import { z } from 'zod'
import { MayflyError } from '../lib/index.ts'
import type { Asked } from '../approval/index.ts'
import { recordedClaims } from '../rules/index.ts'
import type { ExchangeDeps } from './exchange-deps.ts'
import { proofHeader, type Call } from './route.ts'
import { lifetimeOf, waitSeconds } from './lifetime.ts'
import { answerWith, type exchangeResponse, type pendingApproval } from './token-answer.ts'
import { HttpProblem, needsNonce, oauthProblem } from './wire-error.ts'

/** RFC 8628, section 3.4. */
export const pollRequest = z.object({
  grant_type: z.literal('urn:ietf:params:oauth:grant-type:device_code'),
  device_code: z.string().min(1).max(128),
  wait_seconds: waitSeconds,
})

/**
 * Asks for these roles: who can approve and where, and a code to poll with. From here on the code stands for the
 * identity token, together with the key that asked. Undefined if the token was used before.
 */
export async function askPeople(
  deps: ExchangeDeps,
  asked: Asked,
): Promise<z.output<typeof pendingApproval> | undefined> {
  const requested = await deps.approvals.request(asked).catch((error: unknown) => {
    // RFC 8628 has no word for it; to wait a little is what is left to do.
    if (error instanceof MayflyError && error.code === 'limit_exceeded')
      throw new HttpProblem({ status: 429, code: 'temporarily_unavailable', detail: error.message })
    throw error
  })
  if (!requested.ok) return undefined
  const { id, code, intervalSeconds, expiresMs, approvers } = requested
  return {
    device_code: code,
    approval_id: id,
    interval: intervalSeconds,
    expires_in: Math.floor((expiresMs - deps.clock.nowMs()) / 1000),
    verification_uri: `${deps.url()}/approvals/${id}`,
    approvers,
    scope: asked.roles.join(' '),
  }
}

/** The first answer where nothing is granted at once. */
export function notYet(pending: z.output<typeof pendingApproval>): HttpProblem {
  const { approval_id, approvers } = pending
  return pollAgain('authorization_pending', `approval ${approval_id} is needed: ${approvers}`, pending)
}

/** Every further one: not yet, too fast, no, too late; or the session. */
export async function pollPeople(
  deps: ExchangeDeps,
  call: Call,
  { device_code, wait_seconds: askedSeconds }: z.output<typeof pollRequest>,
): Promise<z.output<typeof exchangeResponse>> {
  const jkt = await keyOf(deps, call, '/oauth/token')
  const polled = await deps.approvals.poll(device_code, jkt)
  switch (polled.state) {
    case 'unknown':
      throw oauthProblem(400, 'invalid_grant', 'there is no such request, or it was made with another key')
    case 'pending':
      throw pollAgain('authorization_pending', `waiting for ${polled.approvers}`, {
        interval: polled.intervalSeconds,
      })
    case 'too_fast':
      throw pollAgain('slow_down', `ask every ${polled.intervalSeconds} s`, {
        interval: polled.intervalSeconds,
      })
    case 'expired':
      throw oauthProblem(400, 'expired_token', 'nobody approved in time: start the step again')
    case 'refused':
      throw oauthProblem(400, 'access_denied', polled.reason)
    case 'ready':
      return openApproved(deps, call, polled, askedSeconds)
  }
}

async function openApproved(
  deps: ExchangeDeps,
  call: Call,
  { request, use }: Extract<Awaited<ReturnType<ExchangeDeps['approvals']['poll']>>, { state: 'ready' }>,
  askedSeconds: number | undefined,
): Promise<z.output<typeof exchangeResponse>> {
  const rules = deps.rules.current()
  const roles = request.roles.flatMap((role) => rules.policy.roles.get(role) ?? [])
  const opened = await deps.broker
    .openSession({
      identity: request.identity,
      roles: request.roles,
      jkt: request.jkt,
      // From the yes on, not from the question.
      ...lifetimeOf(roles, askedSeconds),
      requestId: call.requestId,
      claims: recordedClaims(rules, request.identity),
      namedClaims: rules.policy.namedClaims(request.identity),
      approval: { id: request.id, useUp: use },
    })
    .catch((error: unknown) => {
      if (error instanceof MayflyError && error.code === 'denied')
        throw oauthProblem(400, 'access_denied', error.message)
      throw error
    })
  if (!opened.ok)
    throw oauthProblem(400, 'access_denied', `approval ${request.id} is being used by another request`)
  return answerWith(deps, opened.session)
}

/** The supervisor gives up. Answers the same whether there was something to cancel or not. */
export async function cancelRequest(deps: ExchangeDeps, call: Call, code: string): Promise<object> {
  await deps.approvals.cancel(code, await keyOf(deps, call, '/oauth/cancel'))
  return {}
}

async function keyOf(deps: ExchangeDeps, call: Call, path: string): Promise<string> {
  // Not remembered, for the reason given at the exchange; what a proof could do twice here, it does once.
  const proof = await deps.proofs.verify(proofHeader(call), {
    method: 'POST',
    uri: `${deps.url()}${path}`,
    remember: false,
  })
  if (proof.ok) return proof.jkt
  if (proof.nonce !== undefined) throw needsNonce(400, proof.nonce)
  throw oauthProblem(400, 'invalid_dpop_proof', proof.detail)
}

function pollAgain(code: string, detail: string, members: Readonly<Record<string, unknown>>): HttpProblem {
  return new HttpProblem({ status: 400, code, detail, members })
}
