import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { signingIdentity } from './signing-identity.ts'

function world(answer: (audience: string, variable: string) => Promise<Secret>) {
  const [asked, learnt, told]: [string[], string[], string[]] = [[], [], []]
  return {
    ...{ asked, learnt, told },
    deps: {
      identityFor: (audience: string, variable: string) => {
        asked.push(`${audience} ${variable}`)
        return answer(audience, variable)
      },
      redactor: { addOwn: (secret: Secret) => void learnt.push(secret.reveal()) },
      notices: { tell: (line: string) => void told.push(line) },
    } as never,
  }
}

test('a token for signing is asked for where the server wants one, and masked', async () => {
  const { deps, asked, learnt } = world(() => Promise.resolve(new Secret('a.b.c')))
  assert.equal(await signingIdentity(deps, {}), undefined)
  assert.deepEqual(asked, [])
  assert.equal(await signingIdentity(deps, { signing_audience: 'sigstore' }), 'a.b.c')
  assert.deepEqual(asked, ['sigstore SIGSTORE_ID_TOKEN'])
  assert.deepEqual(learnt, ['a.b.c'])
})

test('a CI without one: said, and the step ends all the same', async () => {
  const { deps, told } = world((audience) => Promise.reject(new Error(`no token for ${audience}`)))
  assert.equal(await signingIdentity(deps, { signing_audience: 'sigstore' }), undefined)
  assert.deepEqual(told, ['mayfly: nothing is signed about this step: no token for sigstore'])
})
