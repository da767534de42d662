import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig, policySchema, readBundle, readPolicyFiles, withTrustFiles } from './index.ts'

const one = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const other = one.replace('MIIB', 'MIIC')
const key = '-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n'
const policy = (ca: string) => `issuers: { github: { kind: github-actions, owner_id: "65781" } }
connections:
  git: { kind: git, url: https://git.example.com, ca: ${ca} }
  npm: { kind: npm, url: https://npm.example.com }
roles:
  build: { trust: { issuer: github, repository_id: "1" }, grants: [git:read git/o/r, npm:install npm] }
`

function folderWith(t: TestContext, ca: string, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-ca-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'certs'))
  for (const [name, text] of Object.entries({ 'mayfly.yaml': policy(ca), ...files }))
    writeFileSync(join(folder, name), text)
  return folder
}

test('ca by path: its certificates go along with the policy, seen from mayfly.yaml; a key beside them does not', (t) => {
  const folder = folderWith(t, 'certs/corp.pem', { 'certs/corp.pem': `# ours\n${one}${key}${other}` })
  const bundle = readBundle(readPolicyFiles(folder).text)
  assert.deepEqual({ ...bundle.files }, { 'ca:certs/corp.pem': one + other })
  const parsed = parseConfig(bundle.policy, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok)
  const { connections } = withTrustFiles(parsed.value, bundle.files)
  assert.deepEqual([connections['git']?.ca, connections['npm']?.ca], [one + other, undefined])
})

test('ca as PEM stays as it is, and the policy its own text', (t) => {
  const folder = folderWith(t, JSON.stringify(one), {})
  assert.equal(readPolicyFiles(folder).text, policy(JSON.stringify(one)))
})

test('refused: a ca file that is not there, and one without a certificate', (t) => {
  assert.throws(() => readPolicyFiles(folderWith(t, 'certs/gone.crt', {})), /gone\.crt: it cannot be read/)
  const folder = folderWith(t, 'certs/key.pem', { 'certs/key.pem': key })
  assert.throws(() => readPolicyFiles(folder), /key\.pem: it holds no certificate in PEM/)
  assert.throws(() => readPolicyFiles(folderWith(t, './.pem', {})), /cannot be read/)
})

const armour = (word: string, lines: string) =>
  `-----BEGIN PGP ${word} KEY BLOCK-----\n\n${lines}-----END PGP ${word} KEY BLOCK-----\n`

test('keyring by path: its public keys go along, armoured or not; a private key that lies there does not', (t) => {
  const withKeyring = (path: string) => policy('x').replace('ca: x', `keyring: ${path}`)
  const filesOf = (path: string, bytes: string | Buffer) => {
    const folder = folderWith(t, 'x', { 'mayfly.yaml': withKeyring(path) })
    writeFileSync(join(folder, path), bytes)
    return { ...readBundle(readPolicyFiles(folder).text).files }
  }
  const own = armour('PUBLIC', 'mDMEAAA=\n=abcd\n')
  assert.deepEqual(filesOf('a.asc', `# ours\n${own}${armour('PRIVATE', 'lFgEAAA=\n')}`), {
    'keyring:a.asc': own,
  })
  const packets = Buffer.from([0x98, 0x33, ...Buffer.alloc(60, 7)])
  const base64 = packets.toString('base64')
  assert.deepEqual(filesOf('a.gpg', packets), {
    'keyring:a.gpg': armour('PUBLIC', `${base64.slice(0, 64)}\n${base64.slice(64)}\n`),
  })
  assert.throws(() => filesOf('a.gpg', Buffer.from([0x95, 0x01])), /a\.gpg: it holds no OpenPGP public key/)
  assert.throws(() => filesOf('a.pgp', armour('PRIVATE', 'lFgEAAA=\n')), /holds no OpenPGP public key/)
})

test('only a certificate file can be meant: other paths stay words, which no connection takes', (t) => {
  const folder = folderWith(t, '/etc/passwd', {})
  assert.deepEqual({ ...readBundle(readPolicyFiles(folder).text).files }, {})
})

test('a client certificate by path goes along as ca does; its key is a secret of the vault, never a file', (t) => {
  const folder = folderWith(t, 'certs/corp.pem', { 'certs/corp.pem': one, 'certs/gateway.crt': other })
  const text = policy('certs/corp.pem').replace(
    'npm.example.com }',
    'npm.example.com, client_certificate: { certificate: certs/gateway.crt, key: secret:gateway-key } }',
  )
  writeFileSync(join(folder, 'mayfly.yaml'), text)
  const bundle = readBundle(readPolicyFiles(folder).text)
  const parsed = parseConfig(bundle.policy, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok)
  const { npm } = withTrustFiles(parsed.value, bundle.files).connections
  assert.deepEqual(
    [npm?.ca, npm?.client_certificate],
    [undefined, { certificate: other, key: 'secret:gateway-key' }],
  )
  const keyFile = parseConfig(
    text.replace('secret:gateway-key', 'certs/key.pem'),
    'mayfly.yaml',
    policySchema,
  )
  assert.ok(!keyFile.ok && keyFile.problems.some(({ message }) => message.includes('mayfly secret set')))
})
