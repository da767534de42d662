import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import type { IdentityTokenRequest } from '../oidc-issuer/index.ts'
import {
  assertHidden,
  failsWith,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
  startMs,
  type Asked,
} from './api.fixture.ts'
import { accessBoundary } from './gcp-boundary.ts'
import { gcpServiceAccount } from './gcp-service-account.ts'

const provider = 'projects/123/locations/global/workloadIdentityPools/mayfly/providers/mayfly'
const account = 'deploy@octo-prod.iam.gserviceaccount.com'
const identity = 'eyJ.own.identity'
const form = ({ text }: Asked) => Object.fromEntries(new URLSearchParams(text))

/** By Google's published reference: Security Token Service `v1/token`, IAM Service Account Credentials `generateAccessToken`. */
function google(asked: Asked) {
  if (asked.path === '/v1/token')
    return {
      json: {
        access_token: form(asked)['options'] === undefined ? 'federated-token' : 'narrowed-token',
        ...{ token_type: 'Bearer', expires_in: 3_600 },
      },
    }
  return {
    json: { accessToken: 'token-of-account', expireTime: new Date(startMs + 900_000).toISOString() },
    headers: { date: new Date(startMs).toUTCString() },
  }
}

function open(api: Awaited<ReturnType<typeof startApi>>, config: object, grants: readonly string[]) {
  const asked: IdentityTokenRequest[] = []
  const tools = {
    identityToken: async (request: IdentityTokenRequest) => {
      asked.push(request)
      return new Secret(identity)
    },
  }
  const whole = { workload_identity_provider: provider, sts: api.url, iam_credentials: api.url, ...config }
  const connection = { project: 'octo-prod' }
  return {
    asked,
    ...setUp(gcpServiceAccount, { kind: 'gcp', api, config: whole, grants, tools, connection }),
  }
}

test('a token of the service account for Mayfly’s own identity, narrowed to the objects of the grants', async (t) => {
  const api = await startApi(t, google)
  const it = open(api, { service_account: account }, ['gcp:call api/storage.objects.create/releases/app/*'])
  const { minted } = await it.mint({ ttlSeconds: 900 })
  assert.equal(it.asked[0]?.audience, `https://iam.googleapis.com/${provider}`)
  const [federated, own, narrowed] = api.seen
  assert.deepEqual(form(federated as Asked), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: `//iam.googleapis.com/${provider}`,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    subject_token: identity,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
  assert.equal(own?.path, `/v1/projects/-/serviceAccounts/${account}:generateAccessToken`)
  assert.equal(own?.headers.authorization, 'Bearer federated-token')
  assert.equal((JSON.parse(own?.text ?? '') as { lifetime: string }).lifetime, '900s')
  const { subject_token: subject, options = '' } = form(narrowed as Asked)
  assert.equal(subject, 'token-of-account')
  assert.deepEqual(JSON.parse(decodeURIComponent(options)), {
    accessBoundary: {
      accessBoundaryRules: [
        {
          availableResource: '//storage.googleapis.com/projects/_/buckets/releases',
          availablePermissions: ['inRole:roles/storage.objectCreator'],
          availabilityCondition: {
            expression: "resource.name.startsWith('projects/_/buckets/releases/objects/app/')",
          },
        },
      ],
    },
  })
  assert.equal(revealed(minted).authorization, 'Bearer narrowed-token')
  assert.equal(minted.expiresMs, startMs + 900_000)
  assert.deepEqual(gcpServiceAccount.revocation(it.config), { means: 'by_expiry' })
  assertHidden([minted.facts, minted.handle], ['narrowed-token', 'token-of-account', 'federated-token'])
})

test('without an account the identity’s own token; nothing is narrowed that a boundary has no words for', async (t) => {
  const api = await startApi(t, google)
  const { minted } = await open(api, {}, ['gcp:read api/storage.objects.get/releases/*']).mint()
  assert.equal(revealed(minted).authorization, 'Bearer federated-token')
  assert.equal(api.seen.length, 1)
  await open(api, { service_account: account }, ['gcp:call api/run.services.update']).mint()
  assert.equal(api.seen.length, 3)
})

test('what Google refuses is told without a secret, and odd answers are no token', async (t) => {
  const api = await startApi(t, google)
  const it = open(api, { service_account: account }, [])
  await refusesOddAnswers(api, () => it.mint(), [identity])
  await refusesOddCredentials(api, () => it.mint(), [identity])
  api.mood = (asked) =>
    asked.path === '/v1/token'
      ? google(asked)
      : { status: 403, json: { error: { message: 'federated-token' } } }
  await assert.rejects(
    it.mint(),
    failsWith('credential_failed', /403 to the request for a token of deploy@/, ['federated-token']),
  )
})

test('a boundary is never narrower than the grants, and left out where it cannot say them', () => {
  const rules = (...grants: string[]) =>
    (
      accessBoundary(grants)?.accessBoundary.accessBoundaryRules as
        | { availablePermissions: string[]; availabilityCondition?: { expression: string } }[]
        | undefined
    )?.map((one) => [one.availablePermissions[0], one.availabilityCondition?.expression])
  assert.deepEqual(
    rules(
      'gcp:read x/storage.objects.list/releases',
      'gcp:read x/storage.objects.get/releases/a*b',
      "gcp:read x/storage.objects.get/releases/it's",
      'gcp:call x/storage.objects.delete/releases',
    ),
    [
      ['inRole:roles/storage.legacyBucketReader', undefined],
      [
        'inRole:roles/storage.legacyObjectReader',
        "resource.name.startsWith('projects/_/buckets/releases/objects/a') || resource.name.startsWith('projects/_/buckets/releases/objects/it')",
      ],
      ['inRole:roles/storage.objectUser', undefined],
    ],
  )
  for (const grant of [
    'gcp:read x/storage.objects.get/*',
    'gcp:read x/storage.objects.get',
    'gcp:read x/storage.objects.*/releases/*',
    'gcp:call x/storage.objects.setIamPolicy/releases/*',
    'gcp:credential x',
  ])
    assert.equal(rules('gcp:read x/storage.objects.get/releases/*', grant), undefined, grant)
  assert.equal(accessBoundary([]), undefined)
})
