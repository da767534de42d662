import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCertificate } from './certificate.ts'
import type { Trust } from './model.ts'
import { publicInstanceIn } from './shared-root.ts'
import { parseTrustedRoot } from './trusted-root.ts'
import { createWorld } from './world.fixture.ts'

const { trustedRoot } = await createWorld()
const own = parseTrustedRoot(trustedRoot)

function withUri(uri: string): Trust {
  return { ...own, authorities: own.authorities.map((one) => ({ ...one, uri })) }
}

test('a public instance is known by its host, however it is written', () => {
  for (const [uri, host] of [
    ['https://fulcio.sigstore.dev', 'fulcio.sigstore.dev'],
    ['https://fulcio.sigstore.dev.', 'fulcio.sigstore.dev'],
    ['HTTPS://FULCIO.Sigstore.DEV:443/x', 'fulcio.sigstore.dev'],
    ['https://fulcio.sigstage.dev', 'fulcio.sigstage.dev'],
    ['fulcio.githubapp.com', 'fulcio.githubapp.com'],
    ['Fulcio.githubapp.com.', 'fulcio.githubapp.com'],
    ['fulcio.githubapp.com:443', 'fulcio.githubapp.com'],
    ['//fulcio.githubapp.com/', 'fulcio.githubapp.com'],
    ['https://user@fulcio.sigstore.dev', 'fulcio.sigstore.dev'],
    ['https://sigstore.dev', 'sigstore.dev'],
    ['https://fulcio.octo.ghe.com', 'fulcio.octo.ghe.com'],
  ] as const)
    assert.equal(publicInstanceIn(withUri(uri)), host, uri)
  for (const uri of [
    'https://mayfly.example.com/attest/ca/1',
    '',
    'https://sigstore.dev.example.com',
    'notsigstore.dev',
    'http://[',
    ' ',
  ])
    assert.equal(publicInstanceIn(withUri(uri)), undefined, uri)
})

test('and by its certificates where the address is left out', () => {
  const [authority] = own.authorities
  assert.ok(authority)
  const [certificate] = authority.chain
  assert.ok(certificate)
  const named = { ...readCertificate(certificate.raw), subject: Buffer.from('0 GitHub, Inc. Fulcio') }
  assert.equal(publicInstanceIn({ ...own, authorities: [{ ...authority, chain: [named] }] }), 'GitHub, Inc.')
})
