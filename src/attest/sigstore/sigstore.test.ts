import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createHttpClient } from '../../http-client/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import { issuer, workflow } from '../verify/certificates.fixture.ts'
import { parseTrustedRoot, verifyBundle } from '../verify/index.ts'
import { createHeldIdentities, createSigstore } from './index.ts'
import { startInstance, tokenOf } from './instance.fixture.ts'

const clock = { nowMs: () => Date.now() }
const who = {
  san: workflow,
  issuer,
  claims: { sourceRepositoryIdentifier: '1234', sourceRepositoryDigest: 'a'.repeat(40) },
}
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'a1'.repeat(32) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }),
)

async function instanceOf(t: TestContext) {
  const instance = await startInstance(t)
  const { url, trustedRoot } = instance
  const trust = parseTrustedRoot(trustedRoot)
  const options = { http: createHttpClient(), clock, audience: 'sigstore', trust }
  const at = (changed: object = {}) =>
    createSigstore({ ...options, fulcio: url, rekor: `${url}/`, timestamp: url, ...changed })
  return { ...instance, trust, at, signer: (token = tokenOf()) => at().signer(new Secret(token)) }
}

async function refuses(work: Promise<unknown>, code: string, said: RegExp, token = tokenOf()): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof MayflyError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, said)
    for (const part of token.split('.')) assert.ok(!error.message.includes(part.slice(0, 20)))
    return true
  })
}

test('a stand-in of Sigstore signs for the job; its bundle verifies here and by @sigstore/verify', async (t) => {
  const { signer, trust, trustedRoot, asked } = await instanceOf(t)
  const token = tokenOf()
  for (const bundle of [
    await signer(token).statement(statement, who),
    await signer(token).message(statement, who),
  ]) {
    const verified = verifyBundle(bundle.json, trust)
    assert.ok(verified.ok, JSON.stringify(verified))
    assert.ok(verified.signer.kind === 'certificate')
    assert.equal(verified.signer.identity.san, workflow)
    assert.equal(verified.signer.identity.claims['sourceRepositoryIdentifier'], '1234')
    const theirs = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot)), {
      ...{ ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 },
    })
    const entity = toSignedEntity(bundleFromJSON(JSON.parse(bundle.json)), statement)
    assert.ok(theirs.verify(entity, { subjectAlternativeName: workflow }))
  }
  const paths = ['POST /api/v2/signingCert', 'POST /api/v1/timestamp', 'POST /api/v2/log/entries']
  assert.deepEqual(
    asked.map(({ path }) => path),
    [...paths, ...paths],
  )
  const [tokenPart = ''] = token.split('.').slice(1)
  const shown = asked.filter(({ text }) => text.includes(tokenPart))
  assert.deepEqual(
    new Set(shown.map(({ path }) => path)),
    new Set(['POST /api/v2/signingCert']),
    'Fulcio alone sees the token',
  )
})

test('a token of another audience, issuer or job, and one that has expired: Fulcio is not asked, or nothing is signed', async (t) => {
  const { signer, asked, size } = await instanceOf(t)
  const before = size()
  for (const [claims, said] of [
    [{ aud: 'https://mayfly.example' }, /another audience: it must be for sigstore alone/],
    [{ aud: ['sigstore', 'other'] }, /another audience/],
    [{ exp: 1 }, /has expired/],
    [{ sub: 7 }, /lacks iss, sub or exp/],
  ] as const) {
    const token = tokenOf(claims)
    await refuses(signer(token).statement(statement, who), 'bad_token', said, token)
  }
  for (const token of ['no-jwt', 'a.b.c', ''])
    await refuses(signer(token).statement(statement, who), 'bad_token', /is no JWT/)
  assert.equal(asked.length, 0)
  for (const claims of [{ repository_id: '9' }, { sha: 'b'.repeat(40) }]) {
    const token = tokenOf(claims)
    await refuses(
      signer(token).statement(statement, who),
      'bad_token',
      /of another job.*nothing was signed/,
      token,
    )
  }
  await refuses(
    signer().statement(statement, { ...who, issuer: 'https://other' }),
    'bad_token',
    /another job.*issuer/,
  )
  assert.equal(size(), before, 'nothing is in the log')
})

test('what the instance answers is used only if its trusted root verifies it', async (t) => {
  const instance = await instanceOf(t)
  const { changes, signer, size } = instance
  const other = await instanceOf(t)
  const sign = () => signer().statement(statement, who)

  changes.certificate = () => Buffer.from('no certificate')
  await refuses(sign(), 'audit_rejected', /Fulcio answered with no certificate/)
  changes.certificate = (leaf) => Buffer.concat([leaf.subarray(0, -1), Buffer.of((leaf.at(-1) ?? 0) ^ 1)])
  await refuses(sign(), 'audit_rejected', /does not verify by the trusted root/)
  delete changes.certificate
  changes.promise = false
  await refuses(sign(), 'audit_rejected', /no trusted log of certificates has promised/)
  delete changes.promise
  await refuses(
    instance.at({ fulcio: other.url }).signer(new Secret(tokenOf())).statement(statement, who),
    'audit_rejected',
    /does not verify by the trusted root/,
  )

  const before = size()
  changes.timestamp = () => Buffer.from('none')
  await refuses(sign(), 'audit_rejected', /no timestamp that the trusted root verifies/)
  delete changes.timestamp
  await refuses(
    instance.at({ timestamp: other.url }).signer(new Secret(tokenOf())).statement(statement, who),
    'audit_rejected',
    /no timestamp that the trusted root verifies/,
  )
  assert.equal(size(), before, 'nothing is in the log')

  for (const [change, said] of [
    [{ canonicalizedBody: Buffer.from('{}').toString('base64') }, /another entry than the one/],
    [{ logIndex: '-1' }, /no index, proof and checkpoint/],
    [{ inclusionProof: {} }, /no index, proof and checkpoint/],
    [{ logIndex: '0' }, /does not verify/],
  ] as const) {
    changes.entry = (answer) => ({ ...answer, ...change })
    await refuses(sign(), 'audit_rejected', said)
  }
  changes.entry = (answer) => {
    const { inclusionProof } = answer as { inclusionProof: { checkpoint: { envelope: string } } }
    const { envelope } = inclusionProof.checkpoint
    return {
      ...answer,
      inclusionProof: { ...inclusionProof, checkpoint: { envelope: envelope.replace(/^.*/, 'evil') } },
    }
  }
  await refuses(sign(), 'audit_rejected', /./)
  delete changes.entry
  await sign()
})

test('a service that refuses, is busy or away: said with its name, and nothing of the token', async (t) => {
  const instance = await instanceOf(t)
  const { changes, signer } = instance
  const token = tokenOf()
  for (const [path, name] of [
    ['POST /api/v2/signingCert', /^Fulcio at/],
    ['POST /api/v1/timestamp', /^The timestamp authority at/],
    ['POST /api/v2/log/entries', /^Rekor at/],
  ] as const)
    for (const [status, code] of [
      [400, 'credential_failed'],
      [429, 'upstream_unreachable'],
      [503, 'upstream_unreachable'],
    ] as const) {
      changes.status = (asked) =>
        asked === path ? { status, text: JSON.stringify({ message: `no: ${token}` }) } : undefined
      await refuses(signer(token).statement(statement, who), code, name, token)
    }
  delete changes.status
  const away = instance.at({ fulcio: 'http://127.0.0.1:9' }).signer(new Secret(token))
  await refuses(away.statement(statement, who), 'upstream_unreachable', /does not answer/, token)
  assert.throws(() => instance.at({ rekor: 'https://log2031-1.rekor.example' }), {
    ...{
      code: 'config_invalid',
      message: /names no log log2031-1\.rekor\.example.*check rekor and trusted_root/,
    },
  })
})

test('tokens are held for their own step until they end', () => {
  let nowMs = Date.now()
  const held = createHeldIdentities({ audience: 'sigstore', clock: { nowMs: () => nowMs } })
  const token = tokenOf()
  held.hold('step_1', token)
  assert.equal(held.of('step_1').reveal(), token)
  assert.throws(() => held.of('step_2'), {
    code: 'bad_token',
    message: /no identity token for sigstore is held/,
  })
  assert.throws(() => held.hold('step_2', tokenOf({ aud: 'x' })), {
    code: 'bad_token',
    message: /another audience/,
  })
  assert.throws(() => held.hold('step_2', 'x'.repeat(20_000)), { code: 'bad_token' })
  nowMs += 301_000
  assert.throws(() => held.of('step_1'), { code: 'bad_token' })
})
