import assert from 'node:assert/strict'
import type { lookup as dnsLookup } from 'node:dns'
import { test } from 'node:test'
import { createEgressGuard } from '../gateway/index.ts'
import { Secret } from '../lib/index.ts'
import { createVendors } from '../scan/liveness/index.ts'
import { fillTemplate, seededRandom } from '../scan/rules/index.ts'
import { createVendorAsk } from './vendor-ask.ts'

function vendorsAt(address: string) {
  const asked: string[] = []
  const lookup = ((host: string, _: unknown, done: (...all: unknown[]) => void) => {
    asked.push(host)
    done(null, [{ address, family: 4 }])
  }) as unknown as typeof dnsLookup
  const ask = createVendorAsk({ guard: createEgressGuard({ lookup }), rules: { loaded: false } as never })
  return { asked, vendors: createVendors({ ask, nowMs: () => Date.now() }) }
}

const key = {
  rule: 'hetzner-cloud-token',
  secret: new Secret(fillTemplate('{alnum:64}', seededRandom(1))),
}

test('a vendor whose name leads inside is not asked: metadata, loopback, private addresses', async () => {
  for (const address of ['169.254.169.254', '127.0.0.1', '10.0.0.8', '192.168.1.1', '100.64.0.1']) {
    const { vendors, asked } = vendorsAt(address)
    const { state, at, why } = await vendors.ask(key)
    assert.deepEqual([state, at], ['unknown', 'api.hetzner.cloud'])
    assert.match(why ?? '', new RegExp(`is at ${RegExp.escape(address)}, a private`))
    assert.deepEqual(asked, ['api.hetzner.cloud'])
  }
})

test('a connection that is gone is not asked', async () => {
  const { vendors, asked } = vendorsAt('10.0.0.8')
  const { state, why } = await vendors.ask(key, { connection: 'own', url: 'https://own.corp.test' })
  assert.equal(state, 'unknown')
  assert.match(why ?? '', /there is no connection "own" any more/)
  assert.deepEqual(asked, [])
})
