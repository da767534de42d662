import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCheckedSigner } from './checked.ts'
import { crc32c } from './crc32c.ts'
import { behaves, memoryHolder, newKey, pinsOf, rawOf, spkiOf } from './service.fixture.ts'
import { derOfRaw } from './signature.ts'

test('a key is pinned when it is first used; another one behind its name signs nothing, on any server', async (t) => {
  const pins = pinsOf(t)
  const [mine, theirs] = [newKey(), newKey()]
  const holder = memoryHolder(mine.privateKey)
  const spki = await behaves(t, holder, pins)
  assert.equal(holder.asked, 1, 'what is pinned is not asked for again')
  holder.key = theirs.privateKey
  for (const server of [createCheckedSigner(holder, pins), createCheckedSigner(holder, pins)])
    await assert.rejects(server.sign(Buffer.from('x')), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'attest_key')
      const ids = [spkiOf(theirs.publicKey), spki].map((key) =>
        createHash('sha256').update(key).digest('hex'),
      )
      assert.match(error.message, new RegExp(`another one \\(${ids[0]}\\).*first used \\(${ids[1]}\\).*next`))
      return true
    })
  holder.key = mine.privateKey
  await createCheckedSigner(holder, pins).sign(Buffer.from('x'))
})

test('two servers that meet a key at once pin one', async (t) => {
  const pins = pinsOf(t)
  const place = { kind: 'memory', describe: 'k' }
  const keys = [newKey(), newKey()].map(({ publicKey }) => spkiOf(publicKey))
  const pinned = await Promise.all(keys.map((key) => pins.pin(place, key)))
  assert.deepEqual(pinned[0], pinned[1])
  assert.deepEqual(await pins.at(place), pinned[0])
  assert.equal(await pins.at({ ...place, describe: 'other' }), undefined)
})

test('a signature that is none is not used; a provider that was away is asked again', async (t) => {
  const holder = memoryHolder(newKey().privateKey)
  const signer = createCheckedSigner(holder, pinsOf(t))
  await signer.publicKey()
  const wrong = [
    sign('sha256', Buffer.from('another message'), holder.key),
    Buffer.alloc(0),
    Buffer.from('3006020100020100', 'hex'),
    rawOf(sign('sha256', Buffer.from('m'), holder.key)),
    Buffer.concat([sign('sha256', Buffer.from('m'), holder.key), Buffer.of(0)]),
  ]
  for (const signature of wrong) {
    const lying = createCheckedSigner({ ...holder, sign: () => Promise.resolve(signature) }, pinsOf(t))
    await assert.rejects(lying.sign(Buffer.from('m')), { code: 'credential_failed', message: /was not used/ })
  }
  let isAway = true
  const shaky = createCheckedSigner(
    {
      ...holder,
      publicKey: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(spkiOf(holder.key))),
      sign: ({ message }) => holder.sign({ message, digest: Buffer.alloc(0) }),
    },
    pinsOf(t),
  )
  await assert.rejects(shaky.sign(Buffer.from('m')), /away/)
  isAway = false
  await shaky.sign(Buffer.from('m'))
})

test('a key of another kind is said as such, and is not pinned', async (t) => {
  const pins = pinsOf(t)
  for (const [spki, what] of [
    [spkiOf(newKey('P-384').publicKey), /a key of secp384r1/],
    [Buffer.from('no key'), /no key that can be read/],
    [Buffer.alloc(0), /no key that can be read/],
  ] as const) {
    const signer = createCheckedSigner(
      { ...memoryHolder(newKey().privateKey), publicKey: () => Promise.resolve(spki) },
      pins,
    )
    await assert.rejects(signer.publicKey(), { code: 'attest_key', message: what })
  }
  assert.equal(await pins.at({ kind: 'memory', describe: 'k' }), undefined)
})

test('r and s become DER, whatever their first bits are', () => {
  const { privateKey, publicKey } = newKey()
  const holder = memoryHolder(privateKey)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (message) => {
      const signature = sign('sha256', message, holder.key)
      assert.deepEqual(derOfRaw(rawOf(signature)), signature)
    }),
  )
  assert.equal(derOfRaw(Buffer.alloc(63)), undefined)
  assert.equal(derOfRaw(Buffer.alloc(96)), undefined)
  assert.ok(publicKey)
})

// RFC 3720, appendix B.4, and the check value of CRC-32C.
test('CRC-32C as its standard has it', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a_91_36_aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62_a8_ab_43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46_dd_79_4e)
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3_06_92_83)
})
