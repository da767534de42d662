import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusedHint } from './exchange.ts'

test('nobody is sent to renew the secret of a credential that was made for the step', () => {
  const hintOf = (credential: unknown): string => {
    const connection = { name: 'api', credential } as unknown as Parameters<typeof refusedHint>[0]
    return refusedHint(connection, 401)
  }
  assert.match(
    hintOf({ scheme: 'oauth-client', config: {} }),
    /made for this step.*the next request gets another$/,
  )
  assert.equal(hintOf({ scheme: 'bearer', secret: 'app/token' }), ': an operator must renew its secret')
})
