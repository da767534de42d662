import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { aStep } from '../../src/attest/statements/facts.fixture.ts'
import { provenanceOf, type StepFacts } from '../../src/attest/statements/index.ts'
import type { Relogged } from '../../src/attest/statements/relogged.fixture.ts'
import { patched, type WrongReceipt } from '../../src/attest/statements/wrong-receipts.fixture.ts'
import type { SignedBy } from '../../src/attest/statements/vector-signers.fixture.ts'
import {
  checkReceipt,
  isAllVerified,
  openTrustDocument,
  readStatement,
  verifyBundle,
} from '../../src/attest/verify/index.ts'
import type { BundleVectors } from '../../src/attest/verify/bundle-vectors.fixture.ts'
import { findGo } from './go.fixture.ts'

// attest/ was written from docs/attestations.md alone, by somebody who had not read our code: it has to say the same of every vector.
const go = findGo()
if (go.ok) after(() => go.remove())
const program = go.ok ? go.build('attest') : go
const skip = program.ok ? false : program.reason

const folder = join(import.meta.dirname, '../fixtures/attest')
const path = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(path(name), 'utf8')
const trusted = ['--root', path('root.pem'), '--trust', path('trust.json')]
const logged = ['--log-key', path('audit-log.vkey')]

interface Answer {
  readonly ok: boolean
  readonly reason: string
  readonly detail: string
}

/** What attest/ says of each list of arguments: `right`, or the reason why not. */
async function theirs(calls: readonly (readonly string[])[]): Promise<string[]> {
  return (await answers(calls)).map(({ ok, reason }) => (ok ? 'right' : reason))
}

async function answers(calls: readonly (readonly string[])[]): Promise<Answer[]> {
  assert.ok(program.ok)
  const { status, stdout, stderr } = await program.run(['many'], calls)
  assert.equal(status, 0, stderr)
  const all = JSON.parse(stdout) as Answer[]
  for (const { reason, detail } of all) assert.notEqual(reason, 'usage', detail)
  return all
}

test('the right ones are right for both', { skip }, async () => {
  const opened = openTrustDocument(read('trust.json'), [read('root.pem')])
  assert.ok(opened.ok)
  const names = ['receipt', 'provenance']
  for (const name of names) assert.ok(verifyBundle(read(`${name}.sigstore.json`), opened.trust).ok)
  const calls = names.map((name) => [name, path(`${name}.sigstore.json`), ...trusted, ...logged])
  assert.deepEqual(await theirs(calls), ['right', 'right'])
})

const url = 'https://mayfly.example.com/runs/run_0123456789abcdefghjkmnpq/steps'
const first = { sha256: aStep.reported.inputs[0]?.sha256 ?? '', step: 'stp_earlier' }
const handedOn: [string, Partial<StepFacts>, object, 'yes' | 'no' | 'malformed'][] = [
  ['of nobody', {}, {}, 'no'],
  ['of an earlier step', { handedOn: [{ ...first, dependencies: 'verified' }] }, {}, 'yes'],
  ['of one that took in what nobody vouches for', { handedOn: [first] }, {}, 'no'],
  [
    'with a list that was cut',
    { handedOn: [{ ...first, dependencies: 'verified' }], materialsOmitted: 2 },
    {},
    'no',
  ],
  [
    'with a list that may lack some',
    { handedOn: [{ ...first, dependencies: 'verified' }], materialsIncomplete: true },
    {},
    'no',
  ],
  ...[
    { madeBy: `${url.replace('run_0', 'run_1')}/stp_earlier` },
    { madeBy: `${url}/${aStep.step.id}` },
    { madeBy: undefined },
    { reported: true },
    { dependencies: 'some' },
  ].map((changes): (typeof handedOn)[number] => [
    `which says ${JSON.stringify(changes)}`,
    { handedOn: [{ ...first, dependencies: 'verified' }] },
    changes,
    'malformed',
  ]),
]

test('of a file of an earlier step both say whether it is verified', { skip }, async (t) => {
  const made = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  const all = handedOn.map(([name, facts, changes, expected]) => {
    const statement = provenanceOf({ ...aStep, ...facts })
    assert.ok(statement !== undefined)
    const { resolvedDependencies: found } = (
      statement.predicate as { buildDefinition: { resolvedDependencies: object[] } }
    ).buildDefinition
    for (const one of found as { annotations: object & { from?: string } }[])
      if (one.annotations.from === 'run') Object.assign(one.annotations, changes)
    return { name, expected, statement }
  })
  const calls = all.map(({ statement }, at) => {
    writeFileSync(join(made, String(at)), JSON.stringify(statement))
    return ['statement', join(made, String(at))]
  })
  const said = (await answers(calls)).map(({ ok, reason, detail }) =>
    ok ? (detail.endsWith('all verified: true') ? 'yes' : 'no') : reason,
  )
  assert.deepEqual(
    all.map(({ name }, at) => `${name}: ${said[at]}`),
    all.map(({ name, expected }) => `${name}: ${expected}`),
  )
  // Ours has no other word for what contradicts itself: it meets no demand.
  assert.deepEqual(
    all.map(({ name, statement }) => `${name}: ${isAllVerified(statement)}`),
    all.map(({ name, expected }) => `${name}: ${expected === 'yes'}`),
  )
})

test('each wrong receipt is wrong for both, and for the same reason', { skip }, async (t) => {
  const made = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  const receipt = readStatement(Buffer.from(read('receipt.statement.json')))
  const whole = { name: 'receipt', reason: 'right', statement: receipt }
  const wrong = (JSON.parse(read('wrong.json')) as WrongReceipt[]).map(({ name, reason, patch }) => ({
    ...{ name, reason, statement: patched(receipt, patch[0]) },
  }))
  const all = [whole, ...wrong, ...(JSON.parse(read('relogged.json')) as Relogged[])]
  const calls = all.map(({ name, statement }) => {
    writeFileSync(join(made, name), JSON.stringify(statement))
    return ['statement', join(made, name), ...logged]
  })
  const found = await answers(calls)
  assert.deepEqual(
    all.map(({ name }, at) => `${name}: ${found[at]?.ok === true ? 'right' : found[at]?.reason}`),
    all.map(({ name, reason }) => `${name}: ${reason}`),
  )
  // And of those that are right, that the same is the server's word.
  const logKey = read('audit-log.vkey')
  for (const [at, { name, statement }] of all.entries()) {
    const ours = await checkReceipt(readStatement(Buffer.from(JSON.stringify(statement))), { logKey })
    const said = /^the signer's word: (.*)$/.exec(found[at]?.detail ?? '')?.[1]?.split(', ')
    if (ours.ok) assert.deepEqual(said?.toSorted(), ours.unproved.toSorted(), name)
  }
})

test('each signer may sign, or may not, for both', { skip }, async (t) => {
  const made = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  const all = JSON.parse(read('signers.json')) as SignedBy[]
  const calls = all.map(({ name, what, bundle }) => {
    writeFileSync(join(made, name), bundle)
    return [what, join(made, name), ...trusted, ...logged]
  })
  const found = await theirs(calls)
  assert.deepEqual(
    all.map(({ name }, at) => `${name}: ${found[at]}`),
    all.map(({ name, reason }) => `${name}: ${reason}`),
  )
})

test('of each bundle and trust document both say whether it is right', { skip }, async (t) => {
  const made = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  let count = 0
  const file = (content: string) => {
    const name = join(made, String(count++))
    writeFileSync(name, content)
    return name
  }
  const { root, trusts, bundles, documents } = JSON.parse(read('bundles.json')) as BundleVectors
  const [pinned, known] = [['--root', file(root)], trusts.map(file)]
  const ofBundles = bundles.map(({ bundle, trust, now, file: about }) => [
    ...['bundle', file(bundle), ...pinned, '--trust', known[trust] ?? '', '--now', now],
    ...(about === undefined ? [] : ['--file', file(about)]),
  ])
  const ofDocuments = documents.map(({ envelope, before, now }) => [
    ...['trust', file(envelope), ...pinned, '--now', now],
    ...(before === undefined ? [] : ['--trust', file(before)]),
  ])
  const all = [...bundles, ...documents]
  const found = await theirs([...ofBundles, ...ofDocuments])
  assert.deepEqual(
    all.map(({ name }, at) => `${name}: ${found[at] === 'right' ? 'right' : 'refused'}`),
    all.map(({ name, reason }) => `${name}: ${reason === 'right' ? 'right' : 'refused'}`),
  )
})
