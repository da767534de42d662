import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { ProofSigner } from '../identity/index.ts'
import { MayflyError } from '../lib/index.ts'
import { createServerApi } from './api.ts'
import { declareArtifacts, takeAttestations } from './attest-step.ts'
import type { FinishAnswer, HandedBundle } from './api-facts.ts'
import type { Artifact } from './artifacts/index.ts'
import { temporaryFolder } from './sandbox/sandbox.fixture.ts'

const hex = (digit: string) => digit.repeat(64)
const file = (path: string, digit: string): Artifact => ({
  ...{ path, sha256: hex(digit), bytes: 3, executable: false, named: false },
})
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64')
const provenance = (...digits: string[]) => {
  const subject = digits.map((digit) => ({ name: digit, digest: { sha256: hex(digit) } }))
  const bundle = JSON.stringify({ dsseEnvelope: { payload: base64({ subject }), signatures: [] } })
  return { kind: 'provenance' as const, bundle }
}
const sums = (text: string, of = text) => {
  const digest = createHash('sha256').update(of).digest('base64')
  const bundle = JSON.stringify({ messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest } } })
  return { kind: 'sums' as const, bundle, text }
}

/** A supervisor at the end of a step, before a STUB of the server. */
function world(t: TestContext, refusal?: Error) {
  const lines: string[] = []
  const told: object[] = []
  /** What the server answers when it is asked again. */
  const later: ({ signed: HandedBundle[]; pending: boolean } | Error)[] = []
  const root = temporaryFolder(t)
  const api = {
    async declareArtifacts(_step: object, files: object) {
      if (refusal !== undefined) throw refusal
      told.push(files)
    },
    async attestations() {
      const next = later.shift()
      if (next === undefined) throw new MayflyError('upstream_unreachable', 'away')
      if (next instanceof Error) throw next
      return next
    },
  }
  const deps = {
    api,
    notices: { tell: (line: string) => void lines.push(line) },
    redactor: { text: (text: string) => text.replaceAll('hunter22', '***') },
  } as unknown as Parameters<typeof declareArtifacts>[0]
  const open = { step: { step_id: 'stp_1' } } as Parameters<typeof declareArtifacts>[2]
  const request = (shown?: string) =>
    ({
      name: 'build',
      ...(shown === undefined ? {} : { attestations: { root, names: [shown], shown } }),
    }) as unknown as Parameters<typeof declareArtifacts>[1]
  return {
    ...{ lines, told, later, root },
    declare: (files: Artifact[], shown?: string) => declareArtifacts(deps, request(shown), open, files),
    take: (answer: Partial<FinishAnswer> | undefined, files: Artifact[], shown?: string) =>
      takeAttestations(deps, request(shown), open, answer, files, later.length * 1_000 - 500),
  }
}

test('the server is told of all artifacts, sorted, with secrets masked in their names', async (t) => {
  const { told, declare } = world(t)
  assert.equal(await declare([file('b', '2'), file('a/hunter22', '1')]), true)
  assert.deepEqual(told, [
    [
      { path: 'a/***', sha256: hex('1'), bytes: 3 },
      { path: 'b', sha256: hex('2'), bytes: 3 },
    ],
  ])
  assert.equal(await declare([]), true)
  assert.equal(told.length, 1)
})

test('a server that cannot be told fails a step whose attestations are wanted, and says so for every other', async (t) => {
  const { lines, declare } = world(t, new MayflyError('upstream_unreachable', 'no answer'))
  assert.equal(await declare([file('a', '1')]), true)
  assert.equal(await declare([file('a', '1')], 'out'), false)
  assert.equal(lines.filter((line) => /was not told of the artifacts \(no answer\)/.test(line)).length, 2)
  const older = world(t, new MayflyError('not_found', 'no such route'))
  assert.deepEqual([await older.declare([file('a', '1')]), older.lines], [true, []])
})

test('what the step wrote where its attestations go fails it, and a terminal obeys nothing of the names', async (t) => {
  const { lines, root, declare } = world(t)
  mkdirSync(join(root, '\u202eout'))
  writeFileSync(join(root, '\u202eout/a.sigstore.json'), 'its own')
  assert.equal(await declare([file('dist/a', '1')], '\u202eout'), false)
  assert.match(lines[0] ?? '', /the step wrote "a\.sigstore\.json" in \\u202eout, where its attestations go/)
})

test('what was signed is written, and its artifacts are counted; without a folder nothing is', async (t) => {
  const { root, take } = world(t)
  const answer = { attestations: [provenance('1', '2'), sums('11  a\n')] }
  const attested = { artifacts: 2, digest: `sha256:${hex('1')}` }
  assert.deepEqual(await take(answer, [file('a', '1')]), { isComplete: true, attested })
  assert.deepEqual(readdirSync(root), [])
  assert.deepEqual(await take(answer, [file('a', '1')], 'out'), {
    ...{ isComplete: true, attested: { ...attested, written: 'out' } },
  })
  assert.deepEqual(readdirSync(join(root, 'out')).toSorted(), [
    ...['SHA256SUMS', 'SHA256SUMS.sigstore.json', 'a.sigstore.json', 'provenance.intoto.jsonl'],
  ])
  assert.equal(readFileSync(join(root, 'out/SHA256SUMS'), 'utf8'), '11  a\n')
})

test('a list that its bundle is not about is not written beside it', async (t) => {
  const { root, take } = world(t)
  await take({ attestations: [provenance('1'), sums('11  a\n', '11  b\n')] }, [file('a', '1')], 'out')
  assert.deepEqual(readdirSync(join(root, 'out')).toSorted(), ['a.sigstore.json', 'provenance.intoto.jsonl'])
})

test('signed later: told in one line, with what this job and others can do; refused or not signed at all fails who asked', async (t) => {
  const { lines, root, take } = world(t)
  const pending = { artifacts: 1, digest: `sha256:${hex('1')}`, pending: true }
  assert.deepEqual(await take({ attestations_pending: true }, [file('a', '1')], 'out'), {
    ...{ isComplete: true, attested: pending },
  })
  assert.match(
    lines.join(),
    /^mayfly: attestations of step "build": this job could not ask for them \(away\): they will be found.*by an API token of scope session:read: mayfly attest fetch stp_1 -o out$/,
  )
  await take({ attestations_pending: true }, [file('a', '1')])
  assert.match(lines[1] ?? '', /signed later, and found at the server by their digests/)
  assert.deepEqual(await take({}, [file('a', '1')]), { isComplete: true })
  const never = { attestations: [provenance('1')], attestations_failed: ['too \u202elarge'] }
  assert.deepEqual(await take(never, [file('a', '1')], 'out'), { isComplete: false })
  assert.match(lines.at(-1) ?? '', /never signed as it is: too \\u202elarge$/)
  assert.deepEqual(await take(undefined, [], 'out'), { isComplete: false })
  mkdirSync(join(root, 'late'))
  writeFileSync(join(root, 'late/a.sigstore.json'), 'another’s')
  const late = await take({ attestations: [provenance('1')] }, [file('a', '1')], 'late')
  assert.equal(late.isComplete, false)
  assert.match(lines.at(-1) ?? '', /not written: "a\.sigstore\.json" is there already, and not replaced/)
  assert.deepEqual(readdirSync(join(root, 'late')), ['a.sigstore.json'])
})

test('a job waits for what is signed a little later, by the token of its step, and writes it', async (t) => {
  const { lines, later, root, take } = world(t)
  later.push({ signed: [provenance('1')], pending: true }, { signed: [provenance('1')], pending: false })
  const { isComplete, attested } = await take({ attestations_pending: true }, [file('a', '1')], 'out')
  assert.deepEqual([isComplete, attested?.written, lines], [true, 'out', []])
  assert.deepEqual(readdirSync(join(root, 'out')).toSorted(), ['a.sigstore.json', 'provenance.intoto.jsonl'])
})

test('what is still not signed when the job has waited is called that, and an answer that failed before it is forgotten', async (t) => {
  const { lines, later, take } = world(t)
  later.push(new MayflyError('denied', 'not yours'), { signed: [], pending: true })
  await take({ attestations_pending: true }, [file('a', '1')], 'out')
  assert.match(
    lines.join(),
    /^mayfly: attestations of step "build": they are not signed yet, and this job has/,
  )
})

test('what is signed of a step is read to the last page', async (t) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x')
    const after = searchParams.get('after') ?? ''
    asked.push(`${searchParams.get('step')} ${after}`)
    const attestations = [{ kind: 'sums', bundle: { after } }]
    const page = after === '' ? { attestations, pending: true, next: 'a&b' } : { attestations }
    const endless = searchParams.get('step') === 'stp_2' ? { next: 'again' } : {}
    response.end(JSON.stringify({ ...page, ...endless }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const signer = { sign: async () => 'proof', learnNonce: () => undefined } as unknown as ProofSigner
  const api = createServerApi({ url: `http://127.0.0.1:${port}`, signer })
  t.after(() => api.close())
  const of = (step_id: string) => ({ step_id, access_token: 'x' }) as Parameters<typeof api.attestations>[0]
  const { signed, pending } = await api.attestations(of('stp_1'))
  assert.deepEqual(
    signed.map(({ bundle }) => bundle),
    ['{"after":""}', '{"after":"a&b"}'],
  )
  assert.deepEqual([pending, asked], [true, ['stp_1 ', 'stp_1 a&b']])
  await assert.rejects(api.attestations(of('stp_2')), /more than 100 pages/)
})
