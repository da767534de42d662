import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  failsWith,
  leftBy,
  refusesOddAnswers,
  refusesOddCredentials,
  revealed,
  setUp,
  startApi,
  startMs,
  type Asked,
  type Said,
} from './api.fixture.ts'
import { kubernetesToken } from './kubernetes-token.ts'

const admin = 'k8s-admin-4711'
const secrets = '/k8s/api/v1/namespaces/web/secrets'

/**
 * A cluster's API as far as tokens go, written from Kubernetes' reference. With a real API server it is tried in
 * test/clients-deploy.
 */
async function startCluster(t: TestContext, more: object = {}) {
  const made = new Map<string, { uid: string; token?: string }>()
  const api = await startApi(t, ({ method, path, headers, text }: Asked): Said => {
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    const shown = headers.authorization?.replace('Bearer ', '')
    if (path === '/k8s/api')
      return { status: [...made.values()].some(({ token }) => token === shown) ? 200 : 401 }
    if (shown !== admin) return { status: 401, json: { message: 'Unauthorized' } }
    if (path === '/k8s/apis/authentication.k8s.io/v1/tokenreviews') {
      const { token } = body['spec'] as { token: string }
      return {
        status: 201,
        json: { status: { authenticated: [...made.values()].some((one) => one.token === token) } },
      }
    }
    const name = path.slice(secrets.length + 1)
    if (method === 'POST' && path === secrets) {
      const named = (body['metadata'] as { name: string }).name
      if (made.has(named)) return { status: 409, json: { message: 'already exists' } }
      made.set(named, { uid: `uid-${made.size}` })
      return { status: 201, json: { metadata: { name: named, uid: made.get(named)?.uid } } }
    }
    if (method === 'DELETE') return made.delete(name) ? { json: {} } : { status: 404, json: {} }
    if (path !== '/k8s/api/v1/namespaces/web/serviceaccounts/deployer/token')
      return { status: 404, json: { message: 'serviceaccounts not found' } }
    const { expirationSeconds, boundObjectRef } = body['spec'] as {
      expirationSeconds: number
      boundObjectRef: { name: string; uid: string }
    }
    const bound = made.get(boundObjectRef.name)
    if (bound?.uid !== boundObjectRef.uid) return { status: 422, json: { message: 'uid is another' } }
    bound.token = `eyJ.${boundObjectRef.name}`
    const expirationTimestamp = new Date(startMs + expirationSeconds * 1000).toISOString()
    return {
      status: 201,
      json: { status: { token: bound.token, expirationTimestamp } },
      headers: { date: new Date(startMs).toUTCString() },
    }
  })
  const set = setUp(kubernetesToken, {
    ...{ api, kind: 'kubernetes', url: `${api.url}/k8s`, secrets: { k8s: admin } },
    config: { service_account: 'web/deployer', admin: 'secret:k8s', ...more },
  })
  return { ...set, api, made }
}

test('a token is bound to a Secret of the lease, lives ten minutes at least, and dies with it', async (t) => {
  const { mint, held, tools, made, api } = await startCluster(t)
  const { asked, minted } = await mint({ ttlSeconds: 60 })
  const [name = ''] = made.keys()
  assert.equal(revealed(minted).authorization, `Bearer eyJ.${name}`)
  assert.equal(minted.expiresMs, startMs + 600_000)
  const body = JSON.parse(api.seen[0]?.text ?? '') as { metadata: { labels: object }; data?: unknown }
  assert.deepEqual(body.metadata.labels, { 'app.kubernetes.io/managed-by': 'mayfly', 'mayfly/lease': name })
  assert.deepEqual(minted.facts, { service_account: 'web/deployer', secret: name })
  assert.equal(await kubernetesToken.probe?.(held(asked, minted), tools), 'alive')
  assert.equal(await kubernetesToken.revoke(held(asked, minted), tools), 'revoked')
  assert.equal(await kubernetesToken.probe?.(held(asked, minted), tools), 'dead')
  assert.equal(await kubernetesToken.revoke(held(asked, minted), tools), 'not_found')
  assert.deepEqual(kubernetesToken.revocation({} as never), { means: 'within', seconds: 10 })
})

test('for another audience than the server’s own a token is shown to TokenReview', async (t) => {
  const { mint, held, tools, api } = await startCluster(t, { audiences: ['https://other.test'] })
  const { asked, minted } = await mint({ ttlSeconds: 1_200 })
  assert.match(api.seen[1]?.text ?? '', /"audiences":\["https:\/\/other\.test"\],"expirationSeconds":1200/)
  assert.equal(await kubernetesToken.probe?.(held(asked, minted), tools), 'alive')
  await kubernetesToken.revoke(held(asked, minted), tools)
  assert.equal(await kubernetesToken.probe?.(held(asked, minted), tools), 'dead')
})

test('what was made by a request whose answer never came is ended by its name, and is no obstacle to the next', async (t) => {
  const { api, request, held, tools, made } = await startCluster(t)
  const asked = request()
  const plan = kubernetesToken.plan(asked)
  api.mood = 'forgetful'
  await assert.rejects(kubernetesToken.mint(asked, plan, tools), failsWith('upstream_unreachable', /500/))
  assert.equal(made.size, 1)
  api.mood = 'well'
  assert.equal(typeof (await kubernetesToken.mint(asked, plan, tools)).authorization, 'object')
  assert.equal(await kubernetesToken.revoke(held(asked, undefined), tools), 'revoked')
  assert.equal(made.size, 0)
  await assert.rejects(
    kubernetesToken.revoke({ ...held(asked, undefined), plan: { name: 'db' } }, tools),
    failsWith('bad_input', /no name that Mayfly gives/),
  )
})

test('a Secret whose token is refused is kept for its end, and the server’s words are told', async (t) => {
  const { mint } = await startCluster(t, { service_account: 'web/gone' })
  await assert.rejects(mint(), failsWith('credential_failed', /404 .*web\/gone.*serviceaccounts not found/))
  assert.deepEqual(await leftBy(mint), {})
})

test('whatever the API says, no answer is taken for a token or an end, and no secret is told', async (t) => {
  const { api, mint, held, tools } = await startCluster(t)
  const { asked, minted } = await mint()
  await refusesOddAnswers(api, mint, [admin])
  await refusesOddAnswers(api, () => kubernetesToken.revoke(held(asked, minted), tools), [admin])
  await refusesOddCredentials(
    api,
    mint,
    [admin],
    [{ metadata: { uid: '../x' } }, { metadata: { uid: 'a' }, status: { token: 5 } }],
  )
})
