import { z } from 'zod'
import { MayflyError, type Clock } from '../../lib/index.ts'
import type { Attestor, JobDemands, Query, StoredAttestation } from '../../attest/attestor/index.ts'
import type { Broker } from '../../broker/index.ts'
import { operatorEvent } from '../operator-event.ts'
import { withBody, type Call, type Route } from '../route.ts'

export interface AttestationRoutesDeps {
  attestor: Attestor
  broker: Broker
  clock: Clock
  /** May anybody read them? */
  attestationsArePublic: () => boolean
}

const bundle = z
  .looseObject({ mediaType: z.string() })
  .describe('A Sigstore bundle: `application/vnd.dev.sigstore.bundle.v0.3+json`.')

const kinds = ['provenance', 'sbom', 'sums', 'receipt', 'vsa'] as const

const attestation = z.object({
  bundle,
  id: z.string(),
  kind: z.enum(kinds),
  predicate_type: z
    .string()
    .nullable()
    .describe('Null for `sums`, whose bundle is about the bytes of `text`.'),
  text: z.string().optional(),
  run: z.string().nullable().describe('Null for `vsa`, as is `step`.'),
  step: z.string().nullable(),
  log_index: z.int().describe('In the attestation log.'),
  created: z.string(),
})

const page = z.object({
  attestations: z.array(attestation),
  next: z.string().optional().describe('There are more: ask with `?after=` this.'),
})

const ofRunOrStep = page.extend({
  pending: z
    .literal(true)
    .optional()
    .describe('With `?step=`: something of it is signed later; ask again. Its receipt does not count.'),
})

const states = z.enum(['kept', 'due', 'signed', 'failed'])

const state = z.object({
  id: z.string(),
  kind: z.enum(kinds),
  state: states.describe('`kept`: nobody has asked for it yet; `failed`: it can never be signed as it is.'),
  run: z.string().nullable().describe('Null for `vsa`, as is `step`.'),
  step: z.string().nullable(),
  predicate_type: z.string().nullable(),
  created: z.string(),
  signed: z.string().nullable(),
  next_attempt: z.string().nullable(),
  attempts: z.int(),
  failure: z.string().nullable(),
  removed: z.string().nullable(),
})

/** How long an answer waits for a receipt. */
const receiptMs = 10_000

/** What was signed of steps: by the digest of what they made, by run and step. */
export function attestationRoutes(deps: AttestationRoutesDeps): Route[] {
  const { attestor, broker } = deps
  const readers = { scope: 'session:read', orJob: true, orAnybody: deps.attestationsArePublic } as const
  const ownOnly = { scope: 'session:read', orJob: true } as const
  return [
    {
      method: 'GET',
      path: '/attestations/:digest',
      summary:
        'What is attested of an artifact, by its digest (`sha256:HEX`): Sigstore bundles, the oldest first; ?predicate_type=, ?after=, ?limit=; only of jobs with ?role=, ?repository_id=, ?owner_id=, ?repository=, ?ref=, ?identity= (patterns, each several times), ?issuer=',
      auth: readers,
      response: page,
      async handle(call) {
        const digest = (call.params['digest'] ?? '').toLowerCase()
        if (!/^sha256:[0-9a-f]{64}$/.test(digest))
          throw new MayflyError('bad_input', 'a digest is `sha256:` and 64 hexadecimal digits')
        // A job finds what its own run made; what others made only where anybody may.
        const own = call.access === undefined ? {} : { runId: call.access.run }
        return pageOf(await attestor.find({ ...queryOf(call), ...own, digest, ...jobsIn(call) }))
      },
    },
    {
      method: 'GET',
      path: '/v1/attestations',
      summary:
        'The attestations of a run or a step, with ?run=ID or ?step=ID; ?predicate_type=, ?after=, ?limit=',
      auth: ownOnly,
      response: ofRunOrStep,
      async handle(call) {
        const { run: runId, step: stepId } = ownQuery(call)
        const of = { ...(runId === undefined ? {} : { runId }), ...(stepId === undefined ? {} : { stepId }) }
        // Before they are read: what is signed in between is then among them, or asked for once more.
        const waits =
          stepId !== undefined && (await attestor.states({ ...of, state: 'due' })).states.some(isAtEnd)
        const answer = pageOf(await attestor.find({ ...queryOf(call), ...of }))
        return waits ? { ...answer, pending: true } : answer
      },
    },
    {
      method: 'GET',
      path: '/v1/attestations/states',
      summary:
        'What is signed, waits or has failed, the newest first: ?run=ID, ?step=ID, ?state=due; ?before=, ?limit= (200)',
      auth: 'session:read',
      response: z.object({
        attestations: z.array(state),
        next: z.string().optional().describe('There are older ones: ask with `?before=` this.'),
      }),
      async handle(call) {
        const { run: runId, step: stepId } = ownQuery(call, { mayBeAll: true })
        const [asked, before] = [stateIn(call), oneOf(call, 'before', 64)]
        const { limit } = queryOf(call, mostStates)
        const { states: found, next } = await attestor.states({
          ...(limit === undefined ? {} : { limit }),
          ...(before === undefined ? {} : { before }),
          ...(runId === undefined ? {} : { runId }),
          ...(stepId === undefined ? {} : { stepId }),
          ...(asked === undefined ? {} : { state: asked }),
        })
        return {
          attestations: found.map(describeState),
          ...(next === undefined ? {} : { next }),
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/attestations/retry',
      summary: 'Try again at once what waits or has failed: one, or all',
      auth: 'session:revoke',
      response: z.object({ asked: z.int() }),
      ...withBody(z.strictObject({ id: z.string().max(64).optional() }), async (call, { id }) => {
        const asked = await attestor.retry(id)
        await broker.outbox.write(async (_, add) =>
          add([
            operatorEvent(call, 'attestations.retried', { asked, ...(id === undefined ? {} : { of: id }) }),
          ]),
        )
        return { asked }
      }),
    },
    {
      method: 'POST',
      path: '/v1/steps/:id/receipt',
      summary:
        'The signed receipt of a step that has ended: what it did, and the proofs of its entries in the audit log; `pending`: ask again',
      auth: ownOnly,
      response: z.union([
        z.object({ predicate_type: z.string(), bundle }),
        z.object({ pending: z.literal(true) }),
      ]),
      async handle(call) {
        const id = call.params['id'] ?? ''
        const { states } = await attestor.states({ stepId: id })
        // Of other runs a job learns nothing, not even which steps there are.
        if (call.access !== undefined && !states.some(({ runId }) => runId === call.access?.run))
          throw new MayflyError('not_found', 'there is no such step in this run')
        const receipt = await attestor.receipt(id, receiptMs)
        if (receipt instanceof MayflyError) throw receipt
        if (receipt === 'pending') return { pending: true }
        return { predicate_type: receipt.predicateType ?? '', bundle: JSON.parse(receipt.bundle) as unknown }
      },
    },
  ]
}

/** Made when the step ends; a receipt comes later. */
function isAtEnd({ kind }: { readonly kind: (typeof kinds)[number] }): boolean {
  return kind === 'provenance' || kind === 'sbom' || kind === 'sums'
}

/** A job reads of its own run alone. */
function ownQuery(
  call: Call,
  { mayBeAll = false } = {},
): { run: string | undefined; step: string | undefined } {
  const [run, step] = [oneOf(call, 'run', 64), oneOf(call, 'step', 64)]
  if (call.access === undefined) {
    if (run === undefined && step === undefined && !mayBeAll)
      throw new MayflyError('bad_input', 'say of which run or step: ?run=ID or ?step=ID')
    return { run, step }
  }
  if (run !== undefined && run !== call.access.run)
    throw new MayflyError('denied', 'a job reads what is attested of its own run')
  return { run: call.access.run, step }
}

/** What is not understood must not be left out: the answer would be about more than was asked. */
function oneOf({ query }: Call, name: string, mostChars: number): string | undefined {
  const value = query[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new MayflyError('bad_input', `?${name} is there once`)
  if (value.length > mostChars)
    throw new MayflyError('bad_input', `?${name} has at most ${mostChars} characters`)
  return value
}

function stateIn(call: Call): z.output<typeof states> | undefined {
  const asked = states.optional().safeParse(oneOf(call, 'state', 64))
  if (asked.success) return asked.data
  throw new MayflyError('bad_input', `?state is one of ${states.options.join(', ')}`)
}

/** In one answer. */
const [mostListed, mostStates] = [100, 200]

function queryOf(call: Call, most = mostListed): Query {
  const name = call.query['limit'] === undefined ? 'per_page' : 'limit'
  const [limit, type] = [oneOf(call, name, 64), oneOf(call, 'predicate_type', 500)]
  const after = oneOf(call, 'after', 64)
  if (limit !== undefined && !(/^[1-9]\d{0,2}$/.test(limit) && Number(limit) <= most))
    throw new MayflyError('bad_input', `?${name} is a number from 1 to ${most}`)
  return {
    ...(type === undefined ? {} : { predicateType: type }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
  }
}

const jobPatterns = ['repository_id', 'owner_id', 'repository', 'ref', 'role', 'identity'] as const
/** Of each; a demand has no more. */
const mostPatterns = 50
const mostPatternChars = 1_000

function jobsIn(call: Call): Pick<Query, 'demands'> {
  const patterns = jobPatterns.map((name) => [name, patternsIn(call, name)] as const)
  const issuer = oneOf(call, 'issuer', mostPatternChars)
  const asked = Object.fromEntries(patterns.filter(([, given]) => given.length > 0))
  const demands: JobDemands = { ...asked, ...(issuer === undefined ? {} : { issuer }) }
  return Object.keys(demands).length === 0 ? {} : { demands }
}

function patternsIn({ query }: Call, name: string): string[] {
  const given = [query[name] ?? []].flat()
  if (given.length > mostPatterns)
    throw new MayflyError('bad_input', `at most ${mostPatterns} patterns of each`)
  const texts = given.filter((one) => typeof one === 'string' && one.length <= mostPatternChars)
  if (texts.length < given.length)
    throw new MayflyError('bad_input', `a pattern of ?${name} has at most ${mostPatternChars} characters`)
  return texts as string[]
}

function pageOf({
  found,
  next,
}: {
  found: readonly StoredAttestation[]
  next?: string
}): z.output<typeof page> {
  return { attestations: found.map(describe), ...(next === undefined ? {} : { next }) }
}

function describe(one: StoredAttestation): z.output<typeof attestation> {
  return {
    bundle: JSON.parse(one.bundle) as z.output<typeof bundle>,
    id: one.id,
    kind: one.kind,
    predicate_type: one.predicateType ?? null,
    ...(one.text === undefined ? {} : { text: one.text }),
    run: one.runId ?? null,
    step: one.stepId ?? null,
    log_index: one.logIndex,
    created: new Date(one.createdMs).toISOString(),
  }
}

function describeState(
  one: Awaited<ReturnType<Attestor['states']>>['states'][number],
): z.output<typeof state> {
  const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
  return {
    ...{ id: one.id, kind: one.kind, state: one.state, run: one.runId ?? null, step: one.stepId ?? null },
    predicate_type: one.predicateType ?? null,
    created: new Date(one.createdMs).toISOString(),
    signed: iso(one.signedMs),
    next_attempt: iso(one.dueMs),
    attempts: one.attempts,
    failure: one.failure ?? null,
    removed: iso(one.removedMs),
  }
}
