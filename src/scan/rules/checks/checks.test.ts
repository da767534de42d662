import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { fillTemplate, seededRandom } from '../index.ts'
import { cratesSum, githubSum } from './crc.ts'
import { marvin32 } from './marvin.ts'
import { checks } from './table.ts'

const fill = (template: string) => fillTemplate(template, seededRandom(5))

test('Marvin32 gives what Microsoft publishes for it', () => {
  assert.equal(marvin32(Buffer.from('abc'), 0xd53cd9cecd0893b7n), 0x6be02a86)
  assert.equal(marvin32(Buffer.from('abcdefghijklmnopqrstuvwxyz'), 0xddddeeeeffff000n), 0xd34847dc)
  assert.equal(marvin32(Buffer.alloc(0), 0x004fb61a001bdbccn), 0x302009bc)
  assert.equal(marvin32(Buffer.from([55, 244, 149]), 0x004fb61a001bdbccn), 0x6b3c8b90)
})

/** security_utilities_rust, identifiable_scans.rs: one of each signature. */
const azure = [
  ['a', 33, '+ARmD7h+qo='],
  ['a', 33, '+AEhG2s/8w='],
  ['a', 33, '+ASbHpHeAI='],
  ['a', 33, 'AIoTOumzco='],
  ['a', 42, 'AzSeCjhzCu'],
  ['d', 42, '+ACRCUDxQE'],
  ['d', 44, 'AzFu182vhA'],
  ['a', 76, '+ASt5mnCaw=='],
  ['a', 76, 'ACDbOpqrYA=='],
  ['a', 76, '+ABa13FZVQ=='],
  ['a', 76, '+AMCFNqWyA=='],
  ['a', 76, 'APIMHbKhsQ=='],
] as const

test("Azure's keys hold by what Microsoft publishes, and are doubted for a wrong checksum", () => {
  for (const [letter, count, tail] of azure) {
    const key = letter.repeat(count) + tail
    assert.equal(checks['azure-key'](key).verdict, 'held', tail)
    assert.equal(checks['azure-key'](`b${key.slice(1)}`).verdict, 'doubtful', tail)
  }
})

test('the sums of GitHub, crates.io and Grafana are those of their own tests', () => {
  assert.equal(githubSum('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ'), '0mLq17')
  assert.equal(cratesSum('gGK6jurSwKyl9V3Az19z7YEFQI9aoOO'), 'd')
  const [invalid, sum] = ['invalid', '5b582697']
  const grafana = `glsa_iNValIdinValiD${invalid}${invalid}inva_${sum}`
  assert.equal(checks['grafana-crc32'](grafana).verdict, 'held')
  assert.equal(checks['grafana-crc32'](grafana.replace('5b', '5c')).verdict, 'doubtful')
})

test('a GitHub token of another checksum is none', () => {
  const token = fill('ghp_{alnum:30}{github-crc}')
  assert.equal(checks['github-crc32'](token).verdict, 'held')
  assert.equal(
    checks['github-crc32'](`${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`).verdict,
    'failed',
  )
})

test('real private keys hold, and it is said whether they have a passphrase', () => {
  const [pem, der] = [{ format: 'pem' }, { type: 'pkcs8', format: 'pem' }] as const
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs1', ...pem })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', ...pem })
  const edwards = generateKeyPairSync('ed25519').privateKey.export(der)
  const locked = generateKeyPairSync('ed25519').privateKey.export({
    ...der,
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  })
  for (const key of [rsa, ec, edwards])
    assert.deepEqual(checks.pem(key), { verdict: 'held', note: 'not encrypted' })
  assert.deepEqual(checks.pem(locked), { verdict: 'held', note: 'under a passphrase' })
  assert.deepEqual(checks.pem(JSON.stringify(rsa)), { verdict: 'held', note: 'not encrypted' })
  assert.deepEqual(checks['pem-in-base64'](Buffer.from(ec).toString('base64')), {
    verdict: 'held',
    note: 'not encrypted',
  })
  assert.deepEqual(checks.pem(rsa.slice(0, 300)), { verdict: 'doubtful', note: 'cut off' })
})

test('what is no key fails: a certificate, a public key, noise', () => {
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  for (const body of [publicKey, fill('{base64:400}'), 'MIIE', '', 'M'.repeat(70_000)])
    assert.equal(checks.pem(body).verdict, 'failed', body.slice(0, 40))
})

test('OpenSSH says whether it asks for a passphrase, and a part of a key is doubted', () => {
  assert.equal(checks.openssh(fill('{pem:openssh}')).note, 'not encrypted')
  assert.equal(checks.openssh(fill('{pem-escaped:openssh-encrypted}')).note, 'under a passphrase')
  assert.equal(checks.openssh(fill('{pem:openssh}').slice(0, 120)).verdict, 'doubtful')
  assert.equal(checks.openssh('b3BlbnNzaC1rZXktdjA').verdict, 'failed')
})

test('a JSON web token has a header with an algorithm, claims and a signature', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (head: unknown, claims: unknown, signature = 'x'.repeat(43)) =>
    `${part(head)}.${part(claims)}.${signature}`
  assert.deepEqual(checks.jwt(token({ alg: 'ES256' }, { exp: 1_700_000_000 })), {
    verdict: 'held',
    note: 'ends 2023-11-14',
  })
  for (const exp of [1e300, -1, 'x', null])
    assert.deepEqual(checks.jwt(token({ alg: 'ES256' }, { exp })), { verdict: 'held' })
  for (const none of [
    token({ alg: 'none' }, {}),
    token({}, {}),
    token({ alg: 'ES256' }, {}, ''),
    token([], {}),
    'eyJ.eyJ.abc',
  ])
    assert.equal(checks.jwt(none).verdict, 'failed', none)
})

test('the account of an access key is told', () => {
  assert.deepEqual(checks['aws-account'](['ASIA', 'QNZGKIQY56JQ7WML'].join('')), {
    verdict: 'held',
    note: 'AWS account 029608264753',
  })
  assert.equal(checks['aws-account'](['AKIAI', 'QNZGKIQY56JQ7WM'].join('')).verdict, 'doubtful')
})

test('a macaroon of PyPI is read to its end', () => {
  const token = fill('pypi-{pypi-macaroon:pypi.org}')
  assert.equal(checks['pypi-macaroon'](token).verdict, 'held')
  for (const other of [token.slice(0, -3), fill('pypi-AgEIcHlwaS5vcmc{base64url:160}'), 'pypi-', 'pypi-Ag'])
    assert.equal(checks['pypi-macaroon'](other).verdict, 'doubtful', other)
})

test("bech32 holds for BIP 173's examples, and for age's keys", () => {
  for (const text of ['A12UEL5L', 'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw'])
    assert.equal(checks.bech32(text).verdict, 'held', text)
  assert.equal(checks.bech32('A12UEL5A').verdict, 'doubtful')
})

test('a NATS seed holds by its checksum, as the one in the documentation of nk does', () => {
  const seed = ['SUACSSL3UAHUDXKFSNVUZRF5UHPM', 'WZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY'].join('')
  assert.equal(checks.nkey(seed).verdict, 'held')
  assert.equal(checks.nkey(seed.replace('L3', 'L4')).verdict, 'failed')
  assert.equal(checks.nkey(fill('{nkey:O}')).verdict, 'held')
})

test('a password is none if it is an example, in base64, too', () => {
  const in64 = (text: string) => Buffer.from(text).toString('base64')
  for (const none of [
    'changeme',
    'somepassword',
    '${PASSWORD}',
    '<password>',
    'xyz',
    in64('changeme'),
    in64('my-password'),
  ])
    assert.equal(checks.password(none).verdict, 'failed', none)
  for (const text of ['hunter2', 'k8Fq-29xLw', in64('k8Fq-29xLw')])
    assert.equal(checks.password(text).verdict, 'open', text)
  assert.equal(checks.basic(in64('user:password')).verdict, 'failed')
  assert.equal(checks.basic(in64('ci:k8Fq-29xLw')).verdict, 'held')
  assert.equal(checks.basic(fill('{base64:40}')).verdict, 'open')
})

test('Luhn holds for a card, and fails for another digit', () => {
  assert.equal(checks.luhn('4111 1111 1111 1111').verdict, 'held')
  assert.equal(checks.luhn('4111 1111 1111 1112').verdict, 'failed')
})

test('no check throws, whatever it is given', () => {
  const random = seededRandom(11)
  const noise = Array.from({ length: 60 }, () =>
    String.fromCharCode(
      ...Array.from({ length: Math.floor(random() * 90) }, () => Math.floor(random() * 256)),
    ),
  )
  const near = [
    'eyJ',
    'ghp_',
    '-----BEGIN RSA PRIVATE KEY-----',
    'MIIC',
    'LS0tLS1CRUdJTi',
    'b3BlbnNzaC1rZXktdjEA',
    'pypi-AgEI',
    '1',
  ]
  for (const check of Object.values(checks))
    for (const tail of noise) for (const head of ['', ...near]) assert.ok(check(head + tail).verdict)
})
