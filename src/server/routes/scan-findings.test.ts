import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { writeLargeLog } from '../../../bench/large-log.ts'
import { createFindings } from '../../audit/findings/index.ts'
import { formatEntry, type Entry, type LogSource } from '../../audit/verify/index.ts'
import { folderSource } from '../../audit/verify/node.ts'
import { anna, openServer } from '../server.fixture.ts'

const startMs = Date.parse('2026-11-01T00:00:00.000Z')
const timeOf = (number: number) => new Date(startMs + number * 60_000).toISOString()
const job = {
  issuer: 'github',
  repository: 'octo/app',
  ref: 'refs/heads/main',
  actor: { person: 'per_mona' },
}

type Said = Pick<Entry, 'type' | 'subject' | 'data'> & { readonly run?: string }

const found = (run: string, role: string, data: Record<string, unknown>): Said => ({
  ...{ type: 'scan.found', subject: 'stp_1', run },
  data: {
    ...{ session: 'ses_1', step: 'stp_1', role, job, place: 'push', connection: 'git' },
    ...{ what: 'octo/app@refs/heads/main', secrets: [], findings: [], more: 0, ...data },
  },
})
const ofRule = (rule: string, fingerprint: string, path = 'a.env') => ({
  ...{ rule, confidence: 'certain', path, line: 3, fingerprint },
})
const verified = (fingerprint: string, state: string, type = 'scan.verified'): Said => ({
  ...{ type, subject: 'stp_1', run: 'run_1' },
  data: { rule: 'npm-token', fingerprint, at: 'registry.example.com', state },
})
const granted = (by: unknown, grant: string): Said => ({
  ...{ type: 'approval.granted', subject: 'apr_1', run: 'run_2' },
  data: { by, bound: { operation: { step: 'stp_1', grant } } },
})

const secret = { secret: 'deploy', version: 2, path: 'b.env', line: 1, certain: true, fingerprint: 'ff' }
const credential = {
  credentialOf: 'git',
  givenTo: 'stp_1',
  lease: 'lse_1',
  path: 'c',
  line: 9,
  certain: false,
}

const story: Said[] = [
  found('run_1', 'build', {
    outcome: 'passed',
    findings: [ofRule('npm-token', 'aa'), ofRule('slack-bot-token', 'bb')],
  }),
  verified('aa', 'alive'),
  verified('aa', 'unknown'),
  granted({ person: 'per_anna', commitment: 'x' }, 'scan push'),
  granted('a-program', 'deploy'),
  found('run_2', 'release', {
    ...{ outcome: 'approved', approval: 'apr_1', secrets: [secret, { ...credential, fingerprint: 'ee' }] },
  }),
  found('run_2', 'release', { outcome: 'passed', unseen: 1, whyUnseen: ['x: encrypted'] }),
  found('run_3', 'build', {
    outcome: 'refused',
    reported: true,
    findings: [ofRule('npm-token', 'aa', 'z.env')],
  }),
  verified('aa', 'revoked', 'scan.revoked'),
  verified('aa', 'failed', 'scan.revoked'),
]

/** A log of these entries on disk, of which a longer one may take the place. */
function logOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-findings-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const seed = new Uint8Array(32).fill(5)
  const write = (entries: readonly Said[], prefix = 'e') =>
    writeLargeLog(
      folder,
      entries.length,
      (number) => {
        const entry = entries[number]
        assert.ok(entry !== undefined)
        const by = { id: `${prefix}${number}`, source: 'mayfly://server', time: timeOf(number) }
        return formatEntry({ ...by, ...entry, ...(entry.run === undefined ? {} : { seq: number }) })
      },
      seed,
    )
  return { source: folderSource(folder), write }
}

async function setup(t: TestContext, entries: readonly Said[], options: { kept?: number } = {}) {
  const log = logOf(t)
  const verifierKey = log.write(entries)
  const findings = createFindings({ source: log.source, verifierKey, ...options })
  const it = await openServer(t, { findings })
  const ask = async (query = '') => {
    const { status, body } = await it.asAdmin('GET', `/v1/scan/findings${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return body as { findings: Record<string, unknown>[]; next?: string; forgotten?: number }
  }
  const ids = async (query: string) => (await ask(query)).findings.map(({ id }) => id)
  return { it, ask, ids, log, verifierKey }
}

test('what was found, the newest first: what, where, for whom, who let it pass, and whether it lives', async (t) => {
  const { ask } = await setup(t, story)
  const { findings, next } = await ask()
  assert.equal(next, undefined)
  assert.deepEqual(
    findings.map(({ id }) => id),
    ['7.0', '5.1', '5.0', '0.1', '0.0'],
  )
  const about = { repository: 'octo/app', ref: 'refs/heads/main', triggered_by: 'per_mona', place: 'push' }
  const revoked = { state: 'revoked', time: timeOf(8) }
  assert.partialDeepStrictEqual(findings[0], {
    ...{ ...about, run: 'run_3', role: 'build', time: timeOf(7), decision: 'refused', reported: true },
    ...{ rule: 'npm-token', confidence: 'certain', path: 'z.env', line: 3, verified: revoked },
    operation: 'octo/app@refs/heads/main',
  })
  const yes = { decision: 'approved', approval: 'apr_1', approved_by: ['per_anna'] }
  assert.partialDeepStrictEqual(findings.slice(1, 3), [
    { ...yes, credential_of: 'git', certain: false, path: 'c', line: 9 },
    { ...yes, secret: 'deploy', version: 2, certain: true, fingerprint: 'ff' },
  ])
  assert.deepEqual(findings[3]?.['verified'], undefined)
  assert.deepEqual(findings[4]?.['verified'], revoked)
})

test('each filter, and all together; what is no parameter is refused without being repeated', async (t) => {
  const { ids, it } = await setup(t, story)
  const cases: [string, string[]][] = [
    ['?run=run_2', ['5.1', '5.0']],
    ['?role=build', ['7.0', '0.1', '0.0']],
    ['?rule=npm-token', ['7.0', '0.0']],
    ['?secret=deploy', ['5.0']],
    ['?fingerprint=ee', ['5.1']],
    [`?since=${timeOf(5)}`, ['7.0', '5.1', '5.0']],
    [`?rule=npm-token&run=run_1&since=${timeOf(0)}`, ['0.0']],
    ['?run=run_9', []],
    ['?after=5.1', ['5.0', '0.1', '0.0']],
    ['?after=6.0', ['5.1', '5.0', '0.1', '0.0']],
    ['?after=0.0', []],
  ]
  for (const [query, expected] of cases) assert.deepEqual(await ids(query), expected, query)
  for (const query of [
    '?rool=hush',
    '?run=hush&run=b',
    '?since=hush',
    '?after=hush',
    '?rule=',
    '?since=2026-11-29',
  ]) {
    const { status, body } = await it.asAdmin('GET', `/v1/scan/findings${query}`)
    assert.equal(status, 400, query)
    assert.ok(!JSON.stringify(body).includes('hush'))
  }
})

test('it takes the scope of runs and their logs', async (t) => {
  const { it } = await setup(t, story)
  const { body } = await it.asAdmin('POST', '/v1/tokens', {
    name: 'r',
    scopes: ['secret:read'],
    expires_in: 3_600,
  })
  const headers = { authorization: `Bearer ${String(body['token'])}` }
  const refused = await it.call('GET', '/v1/scan/findings', { headers })
  assert.equal(refused.status, 403)
  assert.match(String(refused.body['detail']), /lacks the scope session:read/)
  assert.equal((await it.call('GET', '/v1/scan/findings')).status, 401)
  assert.equal((await it.asPerson(anna, 'GET', '/v1/scan/findings')).status, 200)
})

test('whoever may only read cannot try guesses of a password by its fingerprint', async (t) => {
  const { it } = await setup(t, story)
  const { body } = await it.asAdmin('POST', '/v1/tokens', {
    ...{ name: 'r', scopes: ['session:read'], expires_in: 3_600 },
  })
  const headers = { authorization: `Bearer ${String(body['token'])}` }
  const shown = async (query: string) => {
    const answer = await it.call('GET', `/v1/scan/findings${query}`, { headers })
    return (answer.body['findings'] as Record<string, unknown>[]).map(({ id, fingerprint }) => [
      id,
      fingerprint,
    ])
  }
  assert.deepEqual(await shown(''), [
    ['7.0', undefined],
    ['5.1', 'ee'],
    ['5.0', 'ff'],
    ['0.1', undefined],
    ['0.0', undefined],
  ])
  assert.deepEqual([await shown('?fingerprint=aa'), await shown('?fingerprint=ff')], [[], [['5.0', 'ff']]])
})

test('what an entry does not list is told by its number, also where it lists nothing; what is no file has no line', async (t) => {
  const { line: _, ...inOutput } = ofRule('npm-token', 'aa', 'output')
  const { ask, ids } = await setup(t, [
    found('run_1', 'build', { outcome: 'masked', place: 'output', findings: [inOutput], more: 12 }),
    found('run_2', 'build', { outcome: 'passed', place: 'output', more: 26 }),
  ])
  const { findings } = await ask()
  const [passed, masked, listed] = findings
  assert.partialDeepStrictEqual(passed, { id: '1.0', run: 'run_2', decision: 'passed', more: 26 })
  assert.partialDeepStrictEqual(masked, { id: '0.1', run: 'run_1', decision: 'masked', more: 12 })
  assert.deepEqual(
    [masked?.['path'], masked?.['fingerprint'], masked?.['line']],
    [undefined, undefined, undefined],
  )
  assert.deepEqual([listed?.['path'], listed?.['line'], listed?.['more']], ['output', undefined, undefined])
  assert.deepEqual(await ids('?run=run_1'), ['0.1', '0.0'])
  assert.deepEqual(await ids('?rule=npm-token'), ['0.0'])
})

test('more than a page: its end says where to go on, and nothing is told twice or left out', async (t) => {
  const many = Array.from({ length: 700 }, (_, i) =>
    found(`run_${i}`, 'build', {
      outcome: 'passed',
      findings: [ofRule('npm-token', 'aa'), ofRule('npm-token', 'bb')],
    }),
  )
  const { ask, ids } = await setup(t, many)
  const first = await ask()
  assert.equal(first.findings.length, 1_000)
  assert.equal(first.next, '200.0')
  assert.equal(first.forgotten, undefined)
  const second = await ask(`?after=${first.next}`)
  assert.equal(second.findings.length, 400)
  assert.equal(second.next, undefined)
  const all = [...first.findings, ...second.findings].map(({ id }) => id)
  assert.equal(new Set(all).size, 1_400)
  assert.deepEqual(await ids('?run=run_3'), ['3.1', '3.0'])
})

test('what is older than what is kept is counted; a log that grew is read on, one in its place from its beginning', async (t) => {
  const many = Array.from({ length: 5 }, (_, i) =>
    found(`run_${i}`, 'build', { outcome: 'passed', findings: [ofRule('npm-token', 'aa')] }),
  )
  const { ask, ids, log, verifierKey } = await setup(t, many, { kept: 2 })
  assert.deepEqual(await ids(''), ['4.0', '3.0'])
  assert.equal((await ask()).forgotten, 3)
  const another = createFindings({ source: log.source, verifierKey, kept: 2 })
  log.write([...many, ...story])
  const told = await ids('')
  assert.deepEqual(told.slice(0, 3), ['12.0', '10.1', '10.0'])
  const { findings } = await another.page({}, { limit: 2 })
  assert.deepEqual(
    findings.map(({ id }) => id),
    told.slice(0, 2),
  )
  log.write(story, 'other')
  assert.deepEqual(await ids(''), ['7.0', '5.1'])
})

test('a log that cannot be read, is not signed by its key, or takes long is an error that says so, and is asked again', async (t) => {
  const log = logOf(t)
  const verifierKey = log.write(story)
  const state = { broken: false, holds: undefined as Promise<void> | undefined }
  const source: LogSource = {
    name: 'the log',
    async read(path) {
      if (state.broken) throw new Error('no route to it')
      if (path.startsWith('tile/')) await state.holds
      return await log.source.read(path)
    },
  }
  const findings = createFindings({ source, verifierKey, waitMs: 50 })
  const { asAdmin } = await openServer(t, { findings })
  const ask = () => asAdmin('GET', '/v1/scan/findings')
  state.broken = true
  const failed = await ask()
  assert.equal(failed.status, 503)
  assert.match(String(failed.body['detail']), /cannot be read: no route to it/)
  state.broken = false
  const held = Promise.withResolvers<void>()
  state.holds = held.promise
  const late = await ask()
  assert.equal(late.status, 503)
  assert.match(String(late.body['detail']), /is being read, 0 of 10 entries until now: ask again/)
  held.resolve()
  assert.equal((await createFindings({ source, verifierKey }).page({}, { limit: 10 })).findings.length, 5)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-other-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const other = writeLargeLog(folder, 1)
  await assert.rejects(
    createFindings({ source, verifierKey: other }).page({}, { limit: 1 }),
    /not signed by its key/,
  )
  assert.throws(() => createFindings({ source, verifierKey: 'nonsense' }), /verifier key is malformed/)
})
