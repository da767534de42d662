import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attestRetentionSeconds, attestSchema } from './attest-schema.ts'
import { formatProblem, parseConfig } from './index.ts'

function read(text: string) {
  const parsed = parseConfig(text, 'attest.yaml', attestSchema)
  return parsed.ok ? parsed.value : parsed.problems.map(formatProblem)
}

test('attest.yaml: an empty file means a certificate for each signing, receipts of what is published, and nobody without a token', () => {
  const document = attestSchema.parse({})
  assert.deepEqual(document, {
    ...{ signer: 'keyless', receipts: 'published', public: false, attach: true, retention: '3650d' },
  })
  assert.equal(attestRetentionSeconds(document), 3650 * 86_400)
})

test('attest.yaml: each kind of key', () => {
  const version = 'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3'
  for (const key of [
    '{ key-file: { path: /etc/mayfly/signer.pem } }',
    '{ secret: attest/signer }',
    '{ aws-kms: { key: alias/attest, region: eu-central-1 } }',
    `{ gcp-kms: { key: ${version} } }`,
    `{ azure-key-vault: { vault: https://v.vault.azure.net, key: k, version: ${'a1'.repeat(16)} } }`,
    '{ transit: { url: https://bao.example.com, key: k, auth: { token_file: /run/token } } }',
    '{ pkcs11: { module: /usr/lib/m.so, token: t, id: "01", pin_file: /run/pin } }',
  ]) {
    assert.ok(!Array.isArray(read(`signer: ${key}\n`)), key)
    assert.ok(!Array.isArray(read(`ca: ${key}\nnext: ${key}\n`)), key)
    assert.ok(!Array.isArray(read(`next: { signer: ${key} }\n`)), key)
    assert.ok(!Array.isArray(read(`signer: ${key}\nnext: keyless\n`)), key)
    assert.ok(!Array.isArray(read(`signer: ${key}\nnext: { ca: ${key} }\n`)), key)
  }
  const public_ = read('signer: { sigstore: { rekor: https://log.example, trusted_root: /etc/root.json } }\n')
  assert.deepEqual(public_, {
    ...{ receipts: 'published', public: false, attach: true, retention: '3650d' },
    signer: {
      sigstore: {
        ...{ fulcio: 'https://fulcio.sigstore.dev', timestamp: 'https://timestamp.sigstore.dev' },
        ...{ rekor: 'https://log.example', audience: 'sigstore', trusted_root: '/etc/root.json' },
      },
    },
  })
})

test('attest.yaml: mistakes are said with their line', () => {
  const ring = 'projects/p/locations/global/keyRings/r/cryptoKeys/k'
  for (const [text, said] of [
    ['receipts: always\nsinger: keyless\n', /^attest\.yaml:2:1: unknown key "singer".*"signer"/],
    [
      'signer: keyles\n',
      /^attest\.yaml:1:1: signer: has none of the accepted forms: keyless, \{ key-file: \.\.\. \}, /,
    ],
    ['signer: { aws-kms: { key: k } }\n', /^attest\.yaml:1:\d+: signer\.aws-kms\.region: is required/],
    [
      `signer: { gcp-kms: { key: ${ring} } }\n`,
      /^attest\.yaml:1:\d+: signer\.gcp-kms\.key: .*cryptoKeyVersions/,
    ],
    [
      'signer: { azure-key-vault: { vault: https://v.vault.azure.net, key: k } }\n',
      /signer\.azure-key-vault\.version: is required/,
    ],
    [
      'signer: { transit: { url: http://bao.example.com, key: k, auth: { token_file: t } } }\n',
      /in the clear/,
    ],
    [
      'signer: { secret: a }\nca: { secret: b }\n',
      /^attest\.yaml:2:\d+: ca: is of use with `signer: keyless` alone/,
    ],
    [
      'signer: { sigstore: { rekor: https://r.example, trusted_root: t } }\nnext: { secret: b }\n',
      /^attest\.yaml:2:\d+: next: the keys of `sigstore` are made for each signing: say as what/,
    ],
    ['next: keyless\n', /^attest\.yaml:1:\d+: next: it signs by certificates already/],
    ['signer: { sigstore: { trusted_root: t } }\n', /signer\.sigstore\.rekor: is required/],
    ['retention: none\n', /^attest\.yaml:1:1: retention: at least 1h/],
  ] as const) {
    const problems = read(text)
    assert.ok(Array.isArray(problems), text)
    assert.match(problems[0] ?? '', said)
  }
})
