import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { errorOf, integrityOf, openNpm, yarnLock } from './npm.fixture.ts'
import { signaturesIn } from './signature.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const registryKeys = pair()
const keyOf = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).toString('base64')
const connection = {
  signature_keys: [
    { keyid: 'SHA256:old', key: keyOf(pair().publicKey) },
    { keyid: 'SHA256:now', key: keyOf(registryKeys.publicKey) },
  ],
}
const file = 'the file of core@1.0.0'
const signed = (text: string, keyid = 'SHA256:now', key = registryKeys.privateKey) => ({
  signatures: [{ keyid, sig: sign('sha256', Buffer.from(text), key).toString('base64') }],
})
const honest = `core@1.0.0:${integrityOf(file)}`
const path = '/core/-/core-1.0.0.tgz'
const pinned = { lockfiles: [yarnLock('core@npm:1.0.0')], connection }

test('what no lockfile has a digest of passes by the registry’s signature, and is recorded as held by it', async (t) => {
  const npm = await openNpm(t, pinned)
  npm.registry.add('core', '1.0.0', { dist: signed(honest) })
  assert.equal((await npm.get(path)).status, 200)
  await npm.world.gateway.recordDownloads(npm.world.step)
  const [item] = npm.world.audit
    .ofType('packages.downloaded')
    .flatMap(({ data }) => data['packages'] as { by: string }[])
  assert.equal(item?.by, 'signature')
})

const evil = 'the file of a worm'
const refused: readonly (readonly [
  what: string,
  add: { file?: string; dist: Record<string, unknown> },
  why: RegExp,
])[] = [
  ['none', { dist: {} }, /has not signed core@1\.0\.0/],
  ['no list', { dist: { signatures: 'x' } }, /has not signed/],
  ['another file', { file: evil, dist: signed(honest) }, /does not hold for the digest/],
  ['another version', { dist: signed(honest.replace('1.0.0', '1.0.1')) }, /does not hold/],
  ['another package', { dist: signed(honest.replace('core', 'cord')) }, /does not hold/],
  [
    'a key that is not named',
    { dist: signed(honest, 'SHA256:evil', pair().privateKey) },
    /signed by SHA256:evil, which is not among/,
  ],
  ['another key by a name that is', { dist: signed(honest, 'SHA256:old') }, /does not hold/],
  [
    'no signature at all in its place',
    { dist: { signatures: [{ keyid: 'SHA256:now', sig: '' }] } },
    /does not hold/,
  ],
]
for (const [what, add, why] of refused)
  test(`refused: signature of ${what}`, async (t) => {
    const npm = await openNpm(t, pinned)
    npm.registry.add('core', '1.0.0', add)
    const answer = await npm.get(path)
    assert.equal(answer.status, 403)
    assert.match(errorOf(answer), why)
    assert.ok(!npm.asked().includes(path))
  })

test('a list of signatures is read as far as it is one', () => {
  assert.deepEqual(signaturesIn([null, 7, {}, { keyid: 'a' }, { keyid: 'a', sig: 'b', more: 1 }]), [
    { keyid: 'a', sig: 'b' },
  ])
  assert.equal(signaturesIn(Array.from({ length: 50 }, () => ({ keyid: 'a', sig: 'b' }))).length, 10)
})
