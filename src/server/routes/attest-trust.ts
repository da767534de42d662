import { z } from 'zod'
import { MayflyError } from '../../lib/index.ts'
import type { TrustKeeper } from '../../attest/trust/index.ts'
import { recordedOperator } from '../../operators/index.ts'
import { withBody, type Call, type Route } from '../route.ts'

/** How long others may keep the document: a key that was taken back is known to them by then. */
const cacheSeconds = 60
/** An earlier version never changes. */
const foreverSeconds = 86_400

const envelope = z.looseObject({
  payload: z.string().max(4_000_000),
  payloadType: z.string().max(256),
  signatures: z.array(z.looseObject({ sig: z.string().max(1_024) })).max(16),
})
const nextBody = z.strictObject({
  root: z.array(z.string().max(1_000)).min(1).max(16).optional(),
  expires: z.iso.datetime().optional(),
})
const publishBody = z.strictObject({ envelope })
const revokeBody = z.strictObject({
  key: z.string().max(64),
  from: z.iso.datetime().optional(),
  reason: z.string().min(1).max(500),
})
const rotateBody = z.strictObject({ use: z.enum(['ca', 'root']), now: z.boolean().default(false) })
const published = z.object({ version: z.int(), changes: z.array(z.string()), open: z.array(z.string()) })

const iso = (ms: number) => new Date(ms).toISOString()

function byOf(call: Call) {
  return { request: call.requestId, by: recordedOperator(call.operator), token: call.operator?.id }
}

function inForce(trust: TrustKeeper) {
  const document = trust.inForce()
  if (document === undefined)
    throw new MayflyError(
      'not_found',
      `there is no trust document yet: ${trust.warnings()[0] ?? 'ask again'}`,
    )
  return document
}

/** Whose word counts for attestations: for everybody, and what operators change of it. */
export function attestTrustRoutes({ trust }: { trust: TrustKeeper }): Route[] {
  return [...publicRoutes(trust), ...operatorRoutes(trust)]
}

function publicRoutes(trust: TrustKeeper): Route[] {
  const shared = { method: 'GET', auth: 'none', response: z.looseObject({}) } as const
  return [
    {
      ...shared,
      path: '/.well-known/mayfly/trust.json',
      summary:
        'The trust document in force (DSSE, application/vnd.mayfly.trust+json), signed by the root key',
      cacheSeconds,
      handle: async () => JSON.parse(inForce(trust).envelope) as unknown,
    },
    {
      ...shared,
      path: '/.well-known/mayfly/trust/:version',
      summary: 'An earlier trust document: the root key is followed from one to the next',
      cacheSeconds: foreverSeconds,
      async handle({ params }) {
        const { version = '' } = params
        const found = /^[1-9][0-9]{0,8}$/.test(version) ? await trust.version(Number(version)) : undefined
        if (found === undefined)
          throw new MayflyError('not_found', 'there is no trust document of this version')
        return JSON.parse(found) as unknown
      },
    },
    {
      ...shared,
      path: '/.well-known/mayfly/trusted-root.json',
      summary: 'The same keys as Sigstore’s trusted root, version 0.1, for cosign and others; not signed',
      cacheSeconds,
      handle: async () => inForce(trust).payload.trustedRoot,
    },
  ]
}

function standingOf({ root, authorities, lines }: Awaited<ReturnType<TrustKeeper['standing']>>) {
  return {
    ...{ root, lines },
    authorities: authorities.map(({ key, state, signsFromMs, endsMs }) => ({
      ...{ key, state, signs_from: iso(signsFromMs), ends: iso(endsMs) },
    })),
  }
}

const listedKeys = z.object({
  keys: z.array(
    z.object({
      ...{ key: z.string(), use: z.enum(['ca', 'signing']), state: z.string(), at: z.string() },
      ...{ published: z.string(), signs_from: z.string(), ends: z.string().optional() },
    }),
  ),
})

function operatorRoutes(trust: TrustKeeper): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/attest/keys',
      summary: 'The keys that sign attestations, are to sign, or have signed: where each is, and since when',
      auth: 'vault:admin',
      response: listedKeys,
      handle: async () => ({
        keys: (await trust.keys()).map(({ publishedMs, signsFromMs, endsMs, ...one }) => ({
          ...{ ...one, published: iso(publishedMs), signs_from: iso(signsFromMs) },
          ...(endsMs === undefined ? {} : { ends: iso(endsMs) }),
        })),
      }),
    },
    {
      method: 'GET',
      path: '/v1/attest/trust',
      summary: 'The trust document in force, how its keys stand, and what waits for the root key',
      auth: 'vault:admin',
      response: z.looseObject({}),
      async handle() {
        const { payload } = inForce(trust)
        const draft = await trust.draft({})
        return {
          ...{ version: payload.version, issued: payload.issued, expires: payload.expires ?? null },
          ...standingOf(await trust.standing()),
          waits: draft.changes.filter((change) => !change.startsWith('~')),
          warnings: trust.warnings(),
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/attest/trust/next',
      summary: 'The next trust document, for the root key to sign',
      auth: 'vault:admin',
      response: z.looseObject({}),
      ...withBody(nextBody, async (_, { root, expires }) => {
        const expiresMs = expires === undefined ? undefined : Date.parse(expires)
        const draft = await trust.draft({ root, expiresMs })
        return {
          version: draft.payload.version,
          envelope: JSON.parse(draft.envelope) as unknown,
          previous: draft.previous === undefined ? null : (JSON.parse(draft.previous) as unknown),
          ...{ changes: draft.changes, missing: draft.missing },
        }
      }),
    },
    {
      method: 'POST',
      path: '/v1/attest/trust/publish',
      summary: 'Put a trust document in force that the root key signed',
      auth: 'vault:admin',
      bodyLimitBytes: 8_388_608,
      response: published,
      ...withBody(publishBody, async (call, body) => trust.publish(body.envelope, byOf(call))),
    },
    {
      method: 'POST',
      path: '/v1/attest/trust/revoke',
      summary: 'Take a key back: what it signed from a moment on does not count, what was logged before does',
      auth: 'vault:admin',
      response: z.object({ key: z.string(), from: z.string(), tree_size: z.int(), published: z.boolean() }),
      ...withBody(revokeBody, async (call, { key, from, reason }) => {
        const fromMs = from === undefined ? undefined : Date.parse(from)
        const revoked = await trust.revoke({ key, fromMs, reason, by: byOf(call) })
        const { treeSize, published: isPublished } = revoked
        return { key: revoked.key, from: iso(revoked.fromMs), tree_size: treeSize, published: isPublished }
      }),
    },
    {
      method: 'POST',
      path: '/v1/attest/trust/rotate',
      summary: 'Make the next attestation CA, or the next root key where it is kept here',
      auth: 'vault:admin',
      response: z.looseObject({}),
      ...withBody(rotateBody, async (call, { use, now }) => {
        if (use === 'root') return trust.rotateRoot(byOf(call))
        const { signsFromMs, ...made } = await trust.rotateAuthority({ now, by: byOf(call) })
        return { ...made, signs_from: iso(signsFromMs) }
      }),
    },
  ]
}
