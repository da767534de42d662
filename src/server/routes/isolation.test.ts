import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openServer, policyText } from '../server.fixture.ts'

const roles = ['namespace', 'container', 'namespace-no-pid', 'none']
  .map(
    (isolation) =>
      `  least-${isolation}:\n    trust: { issuer: github, repository_id: "1296269" }\n    isolation: ${isolation}\n    grants: [git:read git/octo-org/app]\n`,
  )
  .join('')

const ways = [
  { tier: 'B' },
  { tier: 'B', engine: 'podman', image: 'localhost/build:1' },
  { tier: 'C' },
  { tier: 'E' },
]

test('a step that is isolated less than its role asks for is refused, with what it has, and recorded', async (t) => {
  const it = await openServer(t, { policy: policyText({ more: roles }) })
  const signer = await it.signer()
  const names = ['namespace', 'container', 'namespace-no-pid', 'none']
  const session = (
    await it.exchange(signer, it.identityToken(), names.map((name) => `least-${name}`).join(' '))
  ).body
  const open = async (least: string, way: object) =>
    await it.prove(signer, '/v1/steps', {
      token: String(session['access_token']),
      json: { name: 'x', role: `least-${least}`, command: 'true', ...way },
    })
  for (const [i, least] of names.entries())
    for (const [j, way] of ways.entries()) {
      const answer = await open(least, way)
      assert.equal(answer.status, j <= i ? 201 : 403, `${names[j]} for ${least}`)
      if (answer.status === 403) {
        assert.equal(answer.body['code'], 'isolation_unavailable')
        assert.match(
          String(answer.body['detail']),
          new RegExp(`needs isolation "${least}" and this step has "${names[j]}"`),
        )
      }
    }
  const refused = it.audit.ofType('step.refused')
  assert.equal(refused.length, 6)
  const reported = it.audit
    .ofType('step.started')
    .filter(({ data }) => data['role'] === 'least-none')
    .map(({ data }) => data['reported'] as Record<string, unknown>)
    .map(({ isolation, isolationBy, isolationLacks, image }) => [
      isolation,
      isolationBy,
      image,
      isolationLacks,
    ])
  assert.deepEqual(reported, [
    ['B', undefined, undefined, undefined],
    ['B', 'podman', 'localhost/build:1', ['landlock']],
    ['C', undefined, undefined, ['process-namespace']],
    ['E', undefined, undefined, ['everything']],
  ])
})

test('a tier that nobody knows is no tier', async (t) => {
  const it = await openServer(t)
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  for (const way of [{ tier: 'A+' }, { tier: 'B', engine: 'lxc' }, {}]) {
    const answer = await it.prove(signer, '/v1/steps', {
      token: String(session['access_token']),
      json: { name: 'x', role: 'build', command: 'true', ...way },
    })
    assert.equal(answer.status, 400, JSON.stringify(way))
  }
})
