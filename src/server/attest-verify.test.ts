import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sha256Hex } from '../lib/index.ts'
import type { BundleSigner } from '../attest/sign/index.ts'
import { claimOf } from '../attest/verify/certificates.fixture.ts'
import { verifiedProvenance } from '../attest/verify/demands.fixture.ts'
import { parseTrustedRoot, verifyBundle, type Statement } from '../attest/verify/index.ts'
import { createWorld, type World } from '../attest/verify/world.fixture.ts'
import { openServer } from './server.fixture.ts'

const role = { require: { role: 'build' } }
const digest = `sha256:${sha256Hex('app')}`

/** By a CA, a log and a timestamp authority of the test, whose bundles hold. */
function signerOf(world: World): BundleSigner {
  const statement: BundleSigner['statement'] = async (bytes, { issuer }) => {
    const none = { oldIssuer: undefined, claim13: undefined, claim14: undefined, claim15: undefined }
    const leaf = { extensions: { ...none, claim8: claimOf(8, issuer) } }
    const json = JSON.stringify(await world.bundle({ statement: Buffer.from(bytes), leaf }))
    const statementSha256 = sha256Hex(Buffer.from(bytes))
    return { json, statementSha256, logIndex: 0, timeMs: world.nowMs, by: sha256Hex('by') }
  }
  return { statement, message: statement }
}

async function world(t: TestContext) {
  const signing = await createWorld()
  const trust = parseTrustedRoot(signing.trustedRoot)
  const fails = { why: undefined as string | undefined }
  const it = await openServer(t, {
    attestor: {
      trust: async () => trust,
      async signer() {
        if (fails.why !== undefined) throw new Error(fails.why)
        return signerOf(signing)
      },
    },
  })
  const ask = (json: object, token = it.admin) =>
    it.call('POST', '/v1/attestations/verify', { headers: { authorization: `Bearer ${token}` }, json })
  return {
    ...{ it, signing, trust, fails, ask },
    /** A step that made `app`, with its provenance signed. */
    async built() {
      const signer = await it.signer()
      const { body } = await it.exchange(signer, it.identityToken(), 'build')
      const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
      const opened = await it.prove(signer, '/v1/steps', { token: String(body['access_token']), json })
      const [id, token] = [String(opened.body['step_id']), String(opened.body['access_token'])]
      const files = [{ path: 'app', sha256: sha256Hex('app'), bytes: 3 }]
      const list = { files, count: 1, bytes: 3, sha256: sha256Hex(`${sha256Hex('app')}  app\n`) }
      const end = { reason: 'finished', exit_code: 0, artifacts: list }
      const ended = await it.prove(signer, `/v1/steps/${id}/finish`, { token, json: end })
      assert.equal(ended.status, 200, JSON.stringify(ended.body))
    },
    statementIn(bundle: unknown): Statement & { predicate: Record<string, never> } {
      const verified = verifyBundle(bundle, trust)
      assert.ok(verified.ok, JSON.stringify(verified))
      return verified.statement as Statement & { predicate: Record<string, never> }
    },
  }
}

interface Answered {
  readonly verified: boolean
  readonly reasons: string[]
  readonly summary: { id: string; bundle?: unknown; pending?: true } | null
}
const first = ({ body }: { body: Record<string, unknown> }) => (body['artifacts'] as Answered[])[0]

test('what the server has about a digest is held against demands, and what came of it is signed, recorded and found', async (t) => {
  const { it, built, ask, statementIn } = await world(t)
  await built()
  const artifacts = [{ digest, name: 'app', resource_uri: 'pkg:npm/app@1.0.0' }]
  const answer = await ask({ artifacts, ...role })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const one = first(answer)
  assert.deepEqual([answer.body['verified'], one?.verified, one?.reasons], [true, true, []])
  const { predicate, predicateType, subject } = statementIn(one?.summary?.bundle)
  assert.deepEqual(
    [predicateType, subject],
    [
      'https://slsa.dev/verification_summary/v1',
      [{ name: 'app', digest: { sha256: digest.slice('sha256:'.length) } }],
    ],
  )
  const { inputAttestations, timeVerified: _, policy, ...said } = predicate as Record<string, unknown>
  assert.deepEqual(said, {
    verifier: { id: 'https://mayfly.example.com/verifier', version: { mayfly: '1.0.0' } },
    resourceUri: 'pkg:npm/app@1.0.0',
    verificationResult: 'PASSED',
    verifiedLevels: ['SLSA_BUILD_LEVEL_3'],
    slsaVersion: '1.2',
  })
  const text = JSON.stringify(role)
  assert.deepEqual(policy, {
    ...{ uri: `urn:mayfly:policy:sha256:${sha256Hex(text)}`, digest: { sha256: sha256Hex(text) } },
  })
  const kept = it.store.find('attestations', { kind: 'provenance' })
  assert.deepEqual(inputAttestations, [{ digest: { sha256: kept?.statement_sha256 } }])

  const entry = it.audit.entries.findLast(({ type }) => type === 'attestation.signed')
  assert.ok(entry !== undefined)
  const { result, asked } = entry.data as { result: string; asked: { by: string } }
  assert.deepEqual([entry.subject, result, asked.by], [one?.summary?.id, 'PASSED', 'root'])
  const found = await it.call('GET', `/attestations/${digest}`, {
    headers: { authorization: `Bearer ${it.admin}` },
  })
  const last = (found.body['attestations'] as Record<string, unknown>[]).find(({ kind }) => kind === 'vsa')
  assert.deepEqual([last?.['kind'], last?.['run'], last?.['bundle']], ['vsa', null, one?.summary?.bundle])
})

test('a summary is no provenance; one that says FAILED is made when it is asked for, and meets no demand', async (t) => {
  const { ask, built, statementIn } = await world(t)
  const failed = await ask({ artifacts: [{ digest }], ...role, sign: 'always' })
  const one = first(failed)
  assert.deepEqual([one?.verified, one?.reasons], [false, [`provenance: there is none about ${digest}`]])
  const { predicate } = statementIn(one?.summary?.bundle)
  assert.deepEqual(
    [predicate['verificationResult'], predicate['verifiedLevels'], predicate['inputAttestations']],
    ['FAILED', ['FAILED'], []],
  )
  assert.equal(first(await ask({ artifacts: [{ digest }], ...role }))?.summary, null)
  const again = first(await ask({ artifacts: [{ digest }], ...role, sign: 'never' }))
  assert.deepEqual([again?.verified, again?.summary], [false, null])
  await built()
  const both = { require: { role: 'build', predicate: ['provenance', 'vsa'] } }
  assert.deepEqual(first(await ask({ artifacts: [{ digest }], ...both, sign: 'never' }))?.reasons, [
    'vsa: expected PASSED, got FAILED',
  ])
  await ask({ artifacts: [{ digest }], ...role })
  assert.equal(first(await ask({ artifacts: [{ digest }], ...both, sign: 'never' }))?.verified, true)
})

test('bundles of elsewhere count under the roots that are named, by their certificate alone, and claim no level', async (t) => {
  const { ask, statementIn, signing } = await world(t)
  const other = await createWorld()
  const { statement } = verifiedProvenance({ digest })
  const bundle = await other.bundle({ statement: Buffer.from(JSON.stringify(statement)) })
  const given = { artifacts: [{ digest }], bundles: [bundle] }
  assert.equal(first(await ask({ ...given, ...role }))?.verified, false, 'not under our root')
  const open = await ask({ ...given, ...role, trusted_roots: [other.trustedRoot] })
  assert.deepEqual([open.status, open.body['code']], [400, 'bad_input'], 'a role names nobody there')
  const verified = verifyBundle(bundle, parseTrustedRoot(other.trustedRoot))
  assert.ok(verified.ok && verified.signer.kind === 'certificate')
  const { san, issuer } = verified.signer.identity
  const require = { issuer, identity: san, by_name: true }
  const taken = first(await ask({ ...given, require, trusted_roots: [other.trustedRoot] }))
  assert.deepEqual([taken?.verified, taken?.reasons], [true, []])
  assert.deepEqual(statementIn(taken?.summary?.bundle).predicate['verifiedLevels'], [
    'SLSA_BUILD_LEVEL_UNEVALUATED',
  ])
  const wrong = await ask({ ...given, require, trusted_roots: [signing.trustedRoot] })
  assert.equal(first(wrong)?.verified, false)
})

test('who may ask, and what is refused; while nothing can be signed nothing is left behind', async (t) => {
  const { it, ask, built, fails } = await world(t)
  const make = async (scopes: string[]) => {
    const headers = { authorization: `Bearer ${it.admin}` }
    const made = await it.call('POST', '/v1/tokens', {
      ...{ headers, json: { name: 'x', scopes, expires_in: 60 } },
    })
    return String(made.body['token'])
  }
  const artifacts = [{ digest }]
  assert.equal((await ask({ artifacts, ...role }, await make(['session:read']))).status, 403)
  assert.equal((await ask({ artifacts, ...role }, await make(['attest:verify']))).status, 200)
  for (const wrong of [
    { artifacts },
    { artifacts: [{ digest: 'sha256:x' }], ...role },
    { artifacts, require: { tier: 'B' } },
    { artifacts, policy: { text: 'require: { role: build' } },
    { artifacts, policy: { text: 'shared_root: r.json\nrequire: { role: build }' } },
    { artifacts: [{ digest, resource_uri: 'an image' }], ...role, sign: 'always' },
    { artifacts, ...role, trusted_roots: [{ mediaType: 'x' }] },
  ])
    assert.equal((await ask(wrong)).status, 400, JSON.stringify(wrong))
  await built()
  fails.why = 'the HSM is away'
  assert.equal((await ask({ artifacts, ...role })).status, 500)
  assert.equal(it.store.find('attestations', { kind: 'vsa' }), undefined, 'nothing is left behind')
})

test('JSON that stands for more values than any such request has is refused before it is parsed', async (t) => {
  const { it } = await world(t)
  const post = (payload: string) =>
    it.call('POST', '/v1/attestations/verify', {
      headers: { authorization: `Bearer ${it.admin}`, 'content-type': 'application/json' },
      bytes: Buffer.from(payload),
    })
  for (const [payload, detail] of [
    // Were it parsed it would be said to be no JSON.
    [`{"bundles":[${'[],'.repeat(200_000)}`, /has more than 100000 values/],
    ['['.repeat(100_000), /nested more than 64 deep/],
  ] as const) {
    const { status, body } = await post(payload)
    assert.equal(status, 413, JSON.stringify(body))
    assert.match(String(body['detail']), detail)
  }
  const poisoned = await post('{"__proto__":{"x":1}}')
  assert.equal(poisoned.status, 400, JSON.stringify(poisoned.body))
})
