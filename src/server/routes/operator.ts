import { z } from 'zod'
import { MayflyError, noSuch, type Clock } from '../../lib/index.ts'
import type { Approvals } from '../../approval/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Broker, People } from '../../broker/index.ts'
import { scopes, type ApiTokens, mayNotNamePeople, recordedOperator } from '../../operators/index.ts'
import { type RulesHolder, policySource } from '../../rules/index.ts'
import type { Store } from '../../store/index.ts'
import type { Vault } from '../../vault/index.ts'
import type { Health } from '../health.ts'
import { unknownSubject } from '../known-subjects.ts'
import { missingSecrets } from '../missing-secrets.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'

export interface OperatorRoutesDeps {
  rules: RulesHolder
  broker: Broker
  vault: Vault
  audit: AuditClient
  apiTokens: ApiTokens
  clock: Clock
  health: Health
  approvals: Approvals
  people: People
  store: Store
}

/** What came of a policy that was sent. */
export const applied = z.object({
  version: z.int(),
  changed: z.boolean(),
  diff: z.array(z.string()),
  warnings: z.array(z.string()).describe('What is not wrong with it, but keeps a connection from working.'),
})
const erasure = z.strictObject({
  subject: z.string().min(1).max(512),
  dry_run: z.boolean().default(false).describe('Say whom it would erase, and as whom they are known.'),
})
const tokenInfo = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(scopes)),
  expires: z.string().nullable(),
  revoked: z.string().nullable(),
})

/** What operators do. What gives is in the audit log before it is in force, what takes away is in force first. */
export function operatorRoutes(deps: OperatorRoutesDeps): Route[] {
  const { rules, broker, vault, audit, apiTokens, clock } = deps
  const record = (call: Call, type: string, data: Record<string, unknown>) =>
    audit.append(operatorEvent(call, type, data))
  return [
    {
      method: 'GET',
      path: '/v1/policy',
      summary: 'The policy in force',
      auth: 'policy:read',
      response: z.object({ version: z.int(), text: z.string() }),
      handle: async () => {
        const { version, text } = rules.current()
        return { version, text }
      },
    },
    {
      method: 'PUT',
      path: '/v1/policy',
      summary: 'Validate a policy and, unless dry_run, apply it',
      auth: 'policy:write',
      response: applied,
      ...withBody(
        z.object({
          text: z.string(),
          file: z.string().max(255).default('mayfly.yaml'),
          dry_run: z.boolean().default(false),
          expected_version: z.int().optional(),
          source: policySource.optional(),
        }),
        async (call, { text, file, dry_run, expected_version, source }) => {
          const { document, ...result } = await rules.apply({
            text,
            file,
            by: call.operator?.name ?? '',
            recordedBy: recordedOperator(call.operator),
            keepsPeople: mayNotNamePeople(call.operator),
            dryRun: dry_run,
            ...(source === undefined ? {} : { source }),
            ...(expected_version === undefined ? {} : { expectedVersion: expected_version }),
          })
          return { ...result, warnings: await missingSecrets(document, vault) }
        },
      ),
    },
    {
      method: 'POST',
      path: '/v1/tokens',
      summary: 'Make an API token; it is shown this once',
      auth: 'token:write',
      status: 201,
      response: tokenInfo.extend({ token: z.string() }),
      ...withBody(
        z.object({
          name: z.string().min(1).max(64),
          scopes: z.array(z.enum(scopes)).min(1),
          expires_in: z
            .int()
            .min(60)
            .max(366 * 86_400),
        }),
        async (call, body) => {
          // A token makes none that can do more than itself.
          const beyond = body.scopes.filter((scope) => !call.operator?.scopes.includes(scope))
          if (beyond.length > 0)
            throw new MayflyError('denied', `your token lacks ${beyond.join(', ')}, so it cannot give it on`)
          await record(call, 'token.created', {
            name: body.name,
            scopes: body.scopes,
            expiresIn: body.expires_in,
          })
          const made = await apiTokens.create({
            name: body.name,
            scopes: body.scopes,
            expiresMs: clock.nowMs() + body.expires_in * 1000,
          })
          return { ...describeToken(made), token: made.token }
        },
      ),
    },
    {
      method: 'GET',
      path: '/v1/tokens',
      summary: 'API tokens, without their text',
      auth: 'token:write',
      response: z.object({ tokens: z.array(tokenInfo) }),
      handle: async () => ({ tokens: (await apiTokens.list()).map(describeToken) }),
    },
    {
      method: 'DELETE',
      path: '/v1/tokens/:id',
      summary: 'Revoke an API token',
      auth: 'token:write',
      response: z.object({ revoked: z.string() }),
      handle: async (call) => {
        const id = call.params['id'] ?? ''
        const known = (await apiTokens.list()).filter(({ revokedMs }) => revokedMs === null)
        if (!known.some((one) => one.id === id))
          throw noSuch(
            'API token in force called',
            id,
            known.map((one) => one.id),
          )
        // With its entry in one transaction: a log that is down must not keep a stolen token in force.
        await broker.outbox.write(async (tx, add) => {
          await apiTokens.revoke(tx, id)
          add([operatorEvent(call, 'token.revoked', { id })])
        })
        return { revoked: id }
      },
    },
    {
      method: 'POST',
      path: '/v1/revoke',
      summary: 'End every session that matches, with its steps and leases, at once',
      auth: 'session:revoke',
      response: z.object({ sessions: z.int(), approvals: z.int() }),
      ...withBody(
        z.union([
          z.strictObject({ run: z.string().min(1) }),
          z.strictObject({ session: z.string().min(1) }),
          z.strictObject({ role: z.string().min(1) }),
          z.strictObject({ issuer: z.string().min(1) }),
          z.strictObject({ repository: z.string().min(1) }),
          z.strictObject({ commit: z.string().min(1) }),
          z.strictObject({ all: z.literal(true) }),
        ]),
        async (call, match) => {
          // Revoked first: a log that is down must not keep a stolen session alive. The ends are in the outbox.
          // The reason stands in entries as it is: a person is named there by the id of their token.
          const { operator } = call
          const by = operator?.login === undefined ? (operator?.name ?? '') : operator.id
          const revoke = () => broker.revoke(match, `revoked_by:${by}`)
          // Whatever fails, all that can be taken away is.
          const [standing] = await Promise.allSettled([revoke()])
          const [voided] = await Promise.allSettled([deps.approvals.voidMatching(match, `revoked by ${by}`)])
          // One whose approval was being used in between.
          const between = await revoke()
          for (const one of [standing, voided]) if (one.status === 'rejected') throw one.reason
          const sessions = (standing.status === 'fulfilled' ? standing.value : 0) + between
          await record(call, 'session.revoked', { ...match, sessions }).catch(() => undefined)
          const waiting = voided.status === 'fulfilled' ? voided.value : 0
          const unknown = sessions + waiting === 0 ? await unknownSubject(deps, match) : undefined
          if (unknown !== undefined) throw unknown
          return { sessions, approvals: waiting }
        },
      ),
    },
    {
      method: 'POST',
      path: '/v1/audit/erase',
      summary: 'Make the names of a person in the audit log unreadable, for good',
      auth: 'audit:erase',
      response: z.object({ persons: z.array(z.string()), who: z.array(z.string()).optional() }),
      ...withBody(erasure, async (call, { subject, dry_run }) => {
        const known = await deps.people.known(subject)
        if (dry_run) return { persons: known.map(({ person }) => person), who: known.map(({ who }) => who) }
        for (const { person, who } of known) {
          const data = {
            request: call.requestId,
            by: recordedOperator(call.operator),
            token: call.operator?.id,
          }
          // The log first: whoever is still known here can be asked for again.
          await audit.erase(person, { type: 'person.erased', subject: person, data })
          await deps.people.forget(who)
        }
        return { persons: known.map(({ person }) => person) }
      }),
    },
    {
      method: 'GET',
      path: '/v1/status',
      summary: 'Leases, steps and the state of every part',
      auth: 'session:read',
      response: z.looseObject({}),
      handle: async () => ({
        leases: await broker.counts(),
        waiting: (await broker.waiting(maxWaitingShown)).map(({ untilMs, ...session }) => ({
          ...session,
          until: new Date(untilMs).toISOString(),
        })),
        policy: rules.loaded ? rules.current().version : null,
        ...(await deps.health.check()),
      }),
    },
  ]
}

/** Sessions that wait for their steps: the oldest are the ones to look at. */
const maxWaitingShown = 50

function describeToken(token: {
  id: string
  name: string
  scopes: readonly string[]
  expiresMs: number | null
  revokedMs: number | null
}) {
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    expires: iso(token.expiresMs),
    revoked: iso(token.revokedMs),
  }
}
