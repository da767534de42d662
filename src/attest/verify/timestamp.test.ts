import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createTimeAuthority } from './openssl.fixture.ts'
import { der } from '../../der/index.ts'
import { readCertificate } from './certificate.ts'
import { parseTrustedRoot, verifyBundle } from './index.ts'
import { verifyTimestamp } from './timestamp.ts'
import { createWorld } from './world.fixture.ts'

const reasonOf = (check: () => unknown) => {
  try {
    check()
    return 'ok'
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error)
  }
}

test('a timestamp that OpenSSL made is verified, and one of another authority or signature is not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-times-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = createTimeAuthority(join(folder, 'one'))
  const signature = randomBytes(70)
  const before = Date.now()
  const response = authority.stamp(signature)
  const trust = parseTrustedRoot(rootOf(authority.chain))
  const { timeMs } = verifyTimestamp(response, signature, trust)
  assert.ok(timeMs >= before - 1000 && timeMs <= Date.now() + 1000)
  assert.equal(
    reasonOf(() => verifyTimestamp(response, randomBytes(70), trust)),
    'timestamp_of_other',
  )
  const other = parseTrustedRoot(rootOf(createTimeAuthority(join(folder, 'two')).chain))
  assert.equal(
    reasonOf(() => verifyTimestamp(response, signature, other)),
    'untrusted_timestamp',
  )
})

test('all that may stand behind the time may stand there', async () => {
  const world = await createWorld()
  const trust = parseTrustedRoot(world.trustedRoot)
  const [times] = world.trustedRoot.timestampAuthorities
  const { subject } = readCertificate(Buffer.from(times!.certChain.certificates[0]!.rawBytes, 'base64'))
  const more = [
    der.sequence(
      der.integer(1),
      der.context(0, Buffer.of(1), false),
      der.context(1, Buffer.of(3, 0xe7), false),
    ),
    der.boolean(true),
    der.value(0x02, Buffer.of(0xff, 0x01)),
    der.context(0, der.context(4, subject)),
  ]
  for (const one of [more, more.slice(1), more.slice(3), [der.sequence()]]) {
    const verdict = verifyBundle(await world.bundle({ timestamp: { more: one } }), trust)
    assert.ok(verdict.ok, JSON.stringify(verdict))
  }
})

function rootOf(chain: readonly Buffer[]): unknown {
  const certificates = chain.map((raw) => ({ rawBytes: raw.toString('base64') }))
  const validFor = { start: '2020-01-01T00:00:00Z' }
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    timestampAuthorities: [{ uri: 'https://times.test', certChain: { certificates }, validFor }],
  }
}
