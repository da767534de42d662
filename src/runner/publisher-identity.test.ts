import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from '../config/environment.ts'
import { Secret } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import { startEndpoint, token } from './ci-token.fixture.ts'
import { identityFor, publisherIdentityOnce } from './publisher-identity.ts'

const untrusted: readonly string[] = []

test('a CI that makes tokens when it is asked makes one for the registry', async (t) => {
  const endpoint = await startEndpoint(t, (_request, response) =>
    response.end(JSON.stringify({ value: token })),
  )
  const environment = readEnvironment({
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://${endpoint.host}/token`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'b',
  })
  const identity = await identityFor({ environment, untrusted })('npm:npm.test', 'NPM_ID_TOKEN')
  assert.equal(identity.reveal(), token)
  assert.deepEqual(endpoint.seen[0]?.query, { audience: 'npm:npm.test' })
})

test('one that hands tokens out has put it into the registry’s own variable; Mayfly’s own is nobody else’s', async () => {
  const handed = readEnvironment({ MAYFLY_ID_TOKEN: token.replace('c2ln', 'b3Ro'), NPM_ID_TOKEN: token })
  const identity = await identityFor({ environment: handed, untrusted })('npm:npm.test', 'NPM_ID_TOKEN')
  assert.equal(identity.reveal(), token)
  for (const variables of [{ MAYFLY_ID_TOKEN: token }, {}])
    await assert.rejects(
      identityFor({ environment: readEnvironment(variables), untrusted })('pypi', 'PYPI_ID_TOKEN'),
      /no identity token for pypi when it is asked: have it put one into PYPI_ID_TOKEN .*aud: "pypi"/,
    )
})

test('it is handed over before a connection to that registry, again once it may have ended, and else the developer is told', async () => {
  const connection = { name: 'npm', kind: 'npm', url: 'https://npm.test', authority: 'npm.test:443' }
  const step = {
    connections: [
      { ...connection, publisher_audience: 'npm:npm.test' },
      { ...connection, name: 'other', authority: 'other.test:443' },
    ],
  } as unknown as StepGrant
  const [held, told, learned]: [unknown[], string[], Secret[]] = [[], [], []]
  let nowMs = 0
  let fails = false
  const before = publisherIdentityOnce({
    api: { holdIdentity: async (_step, name, identity) => void held.push([name, identity]) },
    step,
    identityFor: async (audience, variable) => {
      if (fails) throw new Error('no more')
      return new Secret(`${audience} ${variable}`)
    },
    learn: (identity) => void learned.push(identity),
    tell: (line) => void told.push(line),
    clock: { nowMs: () => nowMs },
  })
  await before('other.test:443')
  await Promise.all([before('npm.test:443'), before('npm.test:443')])
  assert.deepEqual(held, [['npm', 'npm:npm.test NPM_ID_TOKEN']])
  assert.equal(learned.length, 1)
  nowMs = 60_000
  fails = true
  await before('npm.test:443')
  assert.equal(held.length, 1)
  assert.deepEqual(told, ['mayfly: connection "npm" cannot publish: no more'])
})
