import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  githubIdentity,
  imageDigest,
  signedMs,
  statementSha256,
  verifiedProvenance,
} from './demands.fixture.ts'
import type { Demands } from './demand-model.ts'
import { judge, predicateWords } from './demands.ts'
import type { SignerIdentity, Verified } from './model.ts'

const context = { nowMs: signedMs + 60_000, runId: 'run_1' }

function isMet(all: readonly Verified[], demands: Demands, own = true): boolean {
  return judge(all, imageDigest, demands, { ...context, own: () => own }).ok
}

const typed = (word: string, predicate: object = {}) =>
  verifiedProvenance({ predicateType: predicateWords[word] ?? '', predicate })
const server = { url: 'https://mayfly.example.com' }
const identity = {
  issuerUrl: githubIdentity.issuer,
  attributes: { repository_id: '1296269', ref: 'refs/heads/main' },
}
const receiptOf = (step = 'stp_1', run = 'run_1', of = server) =>
  typed('receipt', { identity, run: { id: run }, step: { id: step }, server: of })

test('of ours, a receipt is of the same step, run and server as the provenance', () => {
  const demands = { role: 'build', same_run: true, predicate: 'receipt' } as const
  assert.ok(isMet([verifiedProvenance(), receiptOf()], demands))
  for (const other of [
    receiptOf('stp_2'),
    receiptOf('stp_1', 'run_2'),
    receiptOf('stp_1', 'run_1', { url: 'https://other.example.com' }),
    typed('receipt', { identity }),
  ])
    assert.ok(!isMet([verifiedProvenance(), other], demands))
  // Neither who signed nor a provenance without a step makes up for it.
  assert.ok(
    !isMet([verifiedProvenance({ builder: 'x' }), typed('receipt', { identity })], {
      predicate: 'receipt',
      role: 'build',
    }),
  )
  const judged = judge([verifiedProvenance(), receiptOf('stp_2')], imageDigest, demands, {
    ...context,
    own: () => true,
  })
  assert.deepEqual(judged.ok ? [] : judged.missing, [
    'receipt: expected one of the same step as the provenance, got one of another',
  ])
})

test('of ours, a bill of materials is the one that the provenance names', () => {
  const demands = { role: 'build', predicate: 'sbom' } as const
  const [own, other] = [typed('sbom', { of: 'build' }), typed('sbom', { of: 'test' })]
  const provenance = verifiedProvenance({ byproducts: [statementSha256(own)] })
  assert.ok(isMet([provenance, other, own], demands))
  assert.ok(!isMet([provenance, other], demands))
  // The one that names it is of another role: each demand is met by one of them, and all by none.
  const test = verifiedProvenance({ role: 'test', byproducts: [statementSha256(other)] })
  assert.ok(!isMet([verifiedProvenance(), test, other], demands))
  const second = verifiedProvenance({ step: 'stp_2', byproducts: [statementSha256(other)] })
  assert.ok(isMet([verifiedProvenance(), second, other], demands))
  // Nobody knows what it names without its bytes.
  const { statementBytes: _, ...bare } = own
  assert.ok(!isMet([provenance, bare], demands))
})

test('several statements belong to a provenance that is there, though nothing else is demanded of it', () => {
  const demands = { predicate: ['sbom', 'receipt'] }
  const sbom = typed('sbom')
  assert.ok(!isMet([sbom, receiptOf()], demands))
  assert.ok(isMet([sbom, receiptOf(), verifiedProvenance({ byproducts: [statementSha256(sbom)] })], demands))
  assert.ok(
    !isMet([sbom, receiptOf('stp_2'), verifiedProvenance({ byproducts: [statementSha256(sbom)] })], demands),
  )
})

test('a summary is of the provenance that it looked at', () => {
  const provenance = verifiedProvenance()
  const summaryOf = (...looked: readonly Verified[]) =>
    typed('vsa', {
      verificationResult: 'PASSED',
      inputAttestations: looked.map((one) => ({ digest: { sha256: statementSha256(one) } })),
    })
  const demands = { role: 'build', predicate: 'vsa' } as const
  assert.ok(isMet([provenance, summaryOf(receiptOf(), provenance)], demands))
  assert.ok(!isMet([provenance, summaryOf(verifiedProvenance({ run: 'run_2' }))], demands))
  assert.ok(!isMet([provenance, summaryOf()], demands))
})

test('of others, and of signatures, certificates of one job in one run belong together', () => {
  const run = (uri: string): SignerIdentity => ({
    ...githubIdentity,
    claims: { ...githubIdentity.claims, runInvocationURI: uri },
  })
  const first = run('https://github.com/octo/app/actions/runs/1/attempts/1')
  const second = run('https://github.com/octo/app/actions/runs/2/attempts/1')
  const by = (identity = first, predicateType = predicateWords['sbom'] ?? '') =>
    verifiedProvenance({ predicateType, predicate: {}, identity })
  const demands = { repository_id: '1296269', predicate: ['provenance', 'sbom'] }
  const provenance = verifiedProvenance({ identity: first })
  assert.ok(isMet([provenance, by()], demands, false))
  assert.ok(!isMet([provenance, by(second)], demands, false))
  assert.ok(!isMet([provenance, by({ ...first, san: `${first.san}x` })], demands, false))
  assert.ok(
    !isMet([provenance, by({ ...first, claims: { ...first.claims, buildTrigger: 'push' } })], demands, false),
  )
  assert.ok(!isMet([verifiedProvenance(), by(githubIdentity)], demands, false))

  const signature = (identity = first) => by(identity, 'https://sigstore.dev/cosign/sign/v1')
  const signed = { role: 'build', predicate: 'signature' } as const
  assert.ok(isMet([provenance, signature()], signed))
  assert.ok(!isMet([provenance, signature(second)], signed))
  const { statement: _, statementBytes: __, ...byKey } = verifiedProvenance({ key: true })
  const message = { ...byKey, message: { digest: Buffer.from(imageDigest.slice(7), 'hex') } }
  assert.ok(isMet([message], { predicate: 'signature' }))
  assert.ok(!isMet([verifiedProvenance({ key: true }), message], signed))
})

test('of what a key signed, the statement says the job, or the provenance that names it', () => {
  const key = true
  const issuer = githubIdentity.issuer
  const byKey = (word: string, predicate: object) =>
    verifiedProvenance({ predicateType: predicateWords[word] ?? '', predicate, key })
  const receipt = byKey('receipt', { identity, run: { id: 'run_1' }, step: { id: 'stp_1' }, server })
  const sbom = byKey('sbom', {})
  const provenance = verifiedProvenance({ key, byproducts: [statementSha256(sbom)] })
  const job = { issuer, repository_id: '1296269' }
  const of = (predicate: string | readonly string[], also: Demands = {}): Demands => ({
    ...job,
    predicate,
    ...also,
  })
  assert.ok(isMet([receipt], of('receipt')))
  assert.ok(isMet([provenance, sbom, receipt], of(['provenance', 'sbom', 'receipt'])))
  assert.ok(isMet([provenance, sbom], of('sbom')))
  assert.ok(!isMet([provenance, sbom, receipt], of(['sbom', 'receipt'], { repository_id: '2' })))
  assert.ok(!isMet([receipt], of('receipt'), false))
  assert.ok(!isMet([provenance, sbom], of('sbom'), false))

  const reasons = (all: readonly Verified[], demands: Demands) => {
    const judged = judge(all, imageDigest, demands, { ...context, own: () => true })
    return judged.ok ? [] : judged.missing
  }
  // A bill of materials that no provenance names, or one of another job alone.
  const nameless = /^the sbom was signed by the key (?:cd){32}, and a key names nobody/
  assert.match(reasons([verifiedProvenance({ key }), sbom], of('sbom')).at(-1) ?? '', nameless)
  const ofOther = verifiedProvenance({
    ...{ key, byproducts: [statementSha256(sbom)], repositoryId: '2' },
  })
  assert.deepEqual(reasons([ofOther, sbom], of('sbom')), ['repository_id: expected 1296269, got 2'])
})
