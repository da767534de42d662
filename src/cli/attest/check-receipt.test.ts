import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { issuer } from '../../attest/verify/certificates.fixture.ts'
import { readStatement } from '../../attest/verify/index.ts'
import { createWorld } from '../../attest/verify/world.fixture.ts'
import { encodeStatement, receiptOf } from '../../attest/statements/index.ts'
import { aFullLog, aFullStep, provenIn } from '../../attest/statements/receipt.fixture.ts'
import { createSigner } from '../../audit/sign/index.ts'
import { checkReceiptFile, reportOn, type CheckReceiptOptions } from './check-receipt.ts'
import { textLines } from './outline.ts'
import { tellProved } from './tell-receipt.ts'

const vectors = join(import.meta.dirname, '../../../test/fixtures/attest')
const vector = (name: string) => join(vectors, name)
const known = { root: vector('root.pem'), trustDocument: vector('trust.json'), json: true }
const logKey = vector('audit-log.vkey')

interface Report {
  readonly ok: boolean
  readonly lines: readonly string[]
  readonly json: {
    readonly reason?: string
    readonly by?: { readonly identity?: string; readonly issuer?: string } | null
    readonly unproved?: readonly string[]
    readonly audit_log?: { readonly origin: string }
  }
}

const report = async (file: string, options: Partial<CheckReceiptOptions> = {}) =>
  (await reportOn(file, { ...known, ...options })) as Report

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-receipt-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
}

test('a right receipt: who signed it, what is proved, and what is only the server’s word', async () => {
  const { ok, lines, json } = await report(vector('receipt.sigstore.json'), { logKey })
  assert.ok(ok)
  assert.equal(
    json.by?.identity,
    'https://github.com/octo-org/app/.github/workflows/release.yml@refs/tags/v1.2.0',
  )
  assert.equal(json.audit_log?.origin, 'audit.example.test')
  const proved = lines.indexOf('proved by these entries:')
  const word = lines.indexOf('only the server’s word:')
  assert.ok(proved > 0 && word > proved)
  const [shown, left] = [lines.slice(proved, word).join('\n'), lines.slice(word).join('\n')]
  assert.match(shown, /for a job of octo-org\/app \(1296269\), refs\/tags\/v1\.2\.0, commit c0ffee5/)
  assert.match(shown, /in role release, 2026-11-29T06:00:01\.500Z to .*: success \(finished\)/)
  assert.match(shown, /2 times host evil\.example\.net:443: egress_not_granted/)
  assert.match(shown, /lea_0123456789abcdefghjkmnpq of npm \(static\) for npm:publish npm\/@octo\/app/)
  assert.match(left, /which policy was in force: .*"version":7/)
  assert.match(left, /that the entries it shows, and no others, are those of the step/)
  // What is unproved is in no sentence of what is proved.
  for (const text of ['https://mayfly.example.com', 'apr_2123456789abcdefghjkmnpq', 'octo-org/other']) {
    assert.ok(!shown.includes(text), text)
    assert.ok(left.includes(text), text)
  }
})

test('without the audit log’s key, that is the signer’s word, too, and it is said', async () => {
  const { ok, lines, json } = await report(vector('receipt.sigstore.json'))
  assert.ok(ok && json.unproved?.includes('audit.key') === true)
  assert.ok(lines.includes('proved by these entries, if that key is the log’s:'))
  const key = readFileSync(logKey, 'utf8').trim()
  assert.ok(lines.some((line) => line.endsWith(`the key of the audit log: ${key}`)))
})

test('a receipt that is not right is refused with a reason, and exit code 1; what cannot be told is 2', async (t) => {
  const write = folderOf(t)
  const right = readFileSync(vector('receipt.sigstore.json'), 'utf8')
  const changed = write('changed', right.replace('"payload":"', '"payload":"A'))
  const signers = JSON.parse(readFileSync(vector('signers.json'), 'utf8')) as {
    name: string
    bundle: string
  }[]
  const other = signers.find(({ name }) => name === 'receipt-other-commit')?.bundle ?? ''
  const world = await createWorld()
  const strangers = write('root.json', JSON.stringify(world.trustedRoot))
  const { root: _, trustDocument: __, ...none } = known
  const rows: [file: string, options: Partial<CheckReceiptOptions>, reason: RegExp][] = [
    [changed, {}, /^(?:malformed|bad_signature|name_twice)$/],
    [vector('provenance.sigstore.json'), {}, /^malformed$/],
    [write('other', other), {}, /^other_signer$/],
    [
      vector('receipt.sigstore.json'),
      { logKey: createSigner('audit.example.test', randomBytes(32)).verifierKey },
      /^other_log$/,
    ],
  ]
  for (const [file, options, reason] of rows) {
    const found = await report(file, options)
    assert.equal(found.ok, false, file)
    assert.match(found.json.reason ?? '', reason, file)
  }
  const shared = await reportOn(vector('receipt.sigstore.json'), { ...none, sharedRoot: strangers })
  assert.equal(shared.ok, false)
  const quiet = t.mock.method(process.stderr, 'write', () => true)
  assert.equal(await checkReceiptFile(vector('none'), known), 2)
  assert.equal(await checkReceiptFile(vector('receipt.sigstore.json'), none), 2)
  assert.equal(await checkReceiptFile(vector('receipt.sigstore.json'), { ...known, logKey: 'x' }), 2)
  quiet.mock.restore()
})

test('what a receipt does not have is not said to stand below', () => {
  // An issuer without numbers of repositories and without refs.
  const identity = { ...aFullStep.identity, issuerUrl: issuer, attributes: { commit: 'a'.repeat(40) } }
  const statement = receiptOf({ ...aFullStep, identity }, provenIn({ ...aFullStep, identity }, aFullLog))
  assert.ok(statement !== undefined)
  const read = readStatement(Buffer.from(encodeStatement(statement)))
  assert.ok(read !== undefined)
  const lines = textLines(tellProved(read, { unproved: ['approvals[0].people'] } as never))
  const [job = ''] = lines
  assert.match(job, /^for a job of a repository that is not named, commit a{40}, as /)
  assert.ok(
    lines.some((line) => line.trim().startsWith('(below) at ')),
    lines.join('\n'),
  )
  assert.equal(lines.join('\n').split('(below)').length, 2)
})

test('under a root that others sign under, too, no receipt is right', async (t) => {
  const write = folderOf(t)
  const statement = receiptOf(aFullStep, provenIn(aFullStep, aFullLog))
  assert.ok(statement !== undefined)
  const world = await createWorld()
  const bundle = await world.bundle({ statement: Buffer.from(encodeStatement(statement)) })
  const sharedRoot = write('root.json', JSON.stringify(world.trustedRoot))
  const file = write('receipt.json', JSON.stringify(bundle))
  const { json, ok } = (await reportOn(file, { json: true, sharedRoot })) as Report
  assert.deepEqual([ok, json.reason], [false, 'other_signer'])
})

test('texts of a receipt reorder no line and hide nothing, whoever chose them', async (t) => {
  const write = folderOf(t)
  const name = 'build \u202e\u2066dlrow\u200b'
  // Of the job of which the certificates of this world are.
  const job = { repository_id: '1234', ref: 'refs/tags/v1', commit: 'a'.repeat(40) }
  const identity = {
    ...aFullStep.identity,
    ...{ issuerUrl: issuer, attributes: { ...aFullStep.identity.attributes, ...job } },
  }
  const facts = { ...aFullStep, identity, reported: { ...aFullStep.reported, name } }
  const statement = receiptOf(facts, provenIn(facts, aFullLog))
  assert.ok(statement !== undefined)
  const world = await createWorld()
  const bundle = await world.bundle({ statement: Buffer.from(encodeStatement(statement)) })
  const trustedRoot = write('root.json', JSON.stringify(world.trustedRoot))
  const found = (await reportOn(write('receipt.json', JSON.stringify(bundle)), {
    ...{ json: true, trustedRoot },
  })) as Report
  assert.ok(found.ok, JSON.stringify(found.json))
  assert.ok(found.lines.some((line) => line.includes('name: build \\u202e\\u2066dlrow\\u200b')))
  // eslint-disable-next-line no-control-regex
  for (const line of found.lines) assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u202e\u2066\u200b]/)
})
