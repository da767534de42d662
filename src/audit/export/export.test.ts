import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { type Entry, formatEntry } from '../verify/index.ts'
import { createExporter, type ExportFilter, type ExportFormat } from './index.ts'
import { classifiedTypes } from './ocsf-classes.ts'

function schemaOf(name: string): Record<string, unknown> {
  const path = new URL(`../../../test/schemas/${name}`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
}

// TypeScript sees the namespace of this CommonJS module, Node its default export.
const addFormats = formats as unknown as (ajv: Ajv) => Ajv
const ajv2020 = addFormats(new Ajv2020({ allErrors: true, strict: false }))
const cloudEvents = addFormats(new Ajv({ allErrors: true, strict: false })).compile(
  schemaOf('cloudevents-1.0.json'),
)
const ocsf = ajv2020.compile(schemaOf('ocsf-1.8.0.json'))
const cdevents = new Map(
  Object.entries(schemaOf('cdevents-0.5.1.json')['types'] as Record<string, object>).map(([type, schema]) => [
    type,
    ajv2020.compile(schema),
  ]),
)

function assertValid(validate: ValidateFunction | undefined, value: unknown): void {
  assert.ok(validate?.(value), JSON.stringify([validate?.errors?.slice(0, 5), value], null, 1))
}

const identity = { subject: 'repo:o/a', repository: 'o/a', repository_id: '1', person: 'per_1' }
const at = (second: number) => new Date(1_760_000_000_000 + second * 1_000).toISOString()
let number = 0
function entryOf(type: string, subject: string, data: Record<string, unknown>, run?: string): Entry {
  const base = { id: `id-${number}`, source: 'mayfly://server', time: at(number), type, subject, data }
  number++
  return run === undefined ? base : { ...base, run, seq: number }
}

const story = [
  entryOf('server.started', 'mayfly://server', { version: '1' }),
  entryOf('run.started', 'run_1', { pipeline: 'o/a/.github/workflows/ci.yml' }, 'run_1'),
  entryOf(
    'session.issued',
    'ses_1',
    { issuer: 'github', issuerUrl: 'https://i.example', identity, roles: ['build', 'test'] },
    'run_1',
  ),
  entryOf(
    'step.started',
    'stp_1',
    { session: 'ses_1', role: 'build', name: 'clone', reported: { command: 'git clone' } },
    'run_1',
  ),
  entryOf(
    'lease.issued',
    'lse_1',
    { session: 'ses_1', step: 'stp_1', connection: 'git', grant: 'git:read git/o/a' },
    'run_1',
  ),
  entryOf(
    'access.granted',
    'stp_1',
    {
      session: 'ses_1',
      step: 'stp_1',
      role: 'build',
      operations: [{ action: 'git:read', connection: 'git', path: 'o/a' }],
    },
    'run_1',
  ),
  entryOf(
    'access.denied',
    'stp_1',
    { step: 'stp_1', role: 'build', what: 'evil.example:443', reason: 'no rule' },
    'run_1',
  ),
  entryOf('egress.granted', 'stp_1', { step: 'stp_1', host: 'deb.example', port: 443 }, 'run_1'),
  entryOf('lease.revoked', 'lse_1', { step: 'stp_1', connection: 'git', reason: 'finished' }, 'run_1'),
  entryOf(
    'step.finished',
    'stp_1',
    { role: 'build', reason: 'finished', outcome: 'success', reported: { exitCode: 0 } },
    'run_1',
  ),
  entryOf('session.ended', 'ses_1', { reason: 'finished' }, 'run_1'),
  entryOf('run.finished', 'run_1', { entries: 11 }, 'run_1'),
  entryOf('session.refused', 'mayfly://server', {
    reason: 'trust_mismatch',
    role: 'release',
    identity: { ...identity, repository: 'x/y', repository_id: '2' },
  }),
  entryOf('policy.applied', 'mayfly://server', { by: 'operator', version: 2 }),
  entryOf('quorum.lost', 'log.example', { missing: ['w1'] }),
  entryOf('history.refused', 'log.example', { witness: 'w1', size: 1, reason: 'no' }),
  entryOf('history.contradicted', 'log.example', { witness: 'w1', checkpoint: 'x', reason: 'no' }),
  entryOf('some.thing', 'x', { deep: { list: [1, { a: null }] } }),
]

// `type: 'a.b'` of an event, and `stepEvent(step, 'a.b'`, `record(call, 'a.b'`.
const writtenType =
  /\btype: '([a-z]+\.[a-z]+)'|\b(?:append|stepEvent|record|eventOf|approvalEvent)\([\w.]*,?\s*'([a-z]+\.[a-z]+)'/g

function exported(format: ExportFormat, filter: ExportFilter = {}): string[] {
  const take = createExporter(format, filter)
  return story.flatMap((entry, i) => take(i, Buffer.from(formatEntry(entry))) ?? [])
}

test('every entry is a CloudEvent 1.0 and in it a CDEvent 0.5.1', () => {
  for (const line of exported('cloudevents')) {
    const event = JSON.parse(line) as { type: string; data: unknown }
    assertValid(cloudEvents, event)
    assertValid(cdevents.get(event.type) ?? cdevents.get('custom'), event.data)
  }
  assert.equal(exported('cloudevents').length, story.length)
})

test('every entry becomes an OCSF 1.8 event, of the class that it belongs to', () => {
  const events = exported('ocsf').map((line) => JSON.parse(line) as { class_uid: number; type_uid: number })
  for (const event of events) assertValid(ocsf, event)
  assert.deepEqual(
    events.map(({ type_uid }) => type_uid),
    [
      600203, 600203, 300201, 100701, 300301, 600302, 600399, 600302, 300399, 100702, 300202, 600204, 300201,
      600303, 200401, 200401, 200401, 600399,
    ],
  )
})

const job = {
  issuer: 'github',
  repository: 'o/a',
  repository_id: '1',
  ref: 'refs/heads/main',
  commit: 'c'.repeat(40),
  actor: { person: 'per_1' },
}

function ocsfOf(type: string, subject: string, data: Record<string, unknown>, run?: string) {
  const line = createExporter('ocsf', {})(0, Buffer.from(formatEntry(entryOf(type, subject, data, run))))
  const event = JSON.parse(line ?? '') as Record<string, Record<string, unknown>> & { class_uid: number }
  assertValid(ocsf, event)
  return event
}

test('what was refused, failed or lost is a failure, and never informational', () => {
  const bad = [
    ...['operator.refused', 'approval.denied', 'approval.refused', 'approval.expired', 'approval.voided'],
    ...['notification.failed', 'session.refused', 'access.denied', 'something.refused', 'something.failed'],
  ]
  for (const type of bad) {
    const { status_id, severity_id } = ocsfOf(type, 'x', { reason: 'no' }) as Record<string, unknown>
    assert.deepEqual([type, status_id, Number(severity_id) > 1], [type, 2, true])
  }
  for (const type of ['entries.lost', 'quorum.lost', 'history.refused', 'history.contradicted']) {
    const { class_uid, severity_id } = ocsfOf(type, 'x', { numbers: [4] }, 'run_1')
    assert.deepEqual([type, class_uid, Number(severity_id) > 2], [type, 2004, true])
  }
})

test('people who sign in are authentications, by their own pseudonym', () => {
  const by = { person: 'per_9', commitment: 'x' }
  for (const [type, activity, status] of [
    ['operator.signedin', 1, 1],
    ['operator.signedout', 2, 1],
    ['operator.refused', 1, 2],
  ]) {
    const event = ocsfOf(String(type), 'mayfly://server', { by, token: 'tok_1' })
    assert.deepEqual([event.class_uid, event['activity_id'], event['status_id']], [3002, activity, status])
    assert.deepEqual(event['user'], { name: 'per_9', uid: 'per_9', type_id: 1, credential_uid: 'tok_1' })
  }
})

test('who, what, where, from where: in the attributes that a SOC looks at', () => {
  const denied = ocsfOf(
    'access.denied',
    'stp_1',
    {
      request: 'req_1',
      session: 'ses_1',
      step: 'stp_1',
      role: 'build',
      job,
      what: 'evil.example:443',
      reason: 'no rule',
    },
    'run_1',
  )
  assert.deepEqual(denied['actor'], {
    user: { name: 'per_1', uid: 'per_1', type_id: 1 },
    session: { uid: 'ses_1' },
    app_name: 'o/a',
    app_uid: '1',
  })
  assert.deepEqual(denied['dst_endpoint'], { name: 'evil.example', hostname: 'evil.example', port: 443 })
  assert.deepEqual(denied['src_endpoint'], { name: 'run_1', uid: 'stp_1', svc_name: 'github' })
  assert.equal(denied['status_detail'], 'no rule')
  assert.deepEqual(denied['metadata']?.['labels'], [
    'repository:o/a',
    'repository_id:1',
    'ref:refs/heads/main',
    `commit:${'c'.repeat(40)}`,
    'role:build',
    'request:req_1',
  ])
  const pushed = ocsfOf('access.granted', 'stp_1', {
    session: 'ses_1',
    step: 'stp_1',
    role: 'release',
    job,
    host: 'git.example',
    operations: [{ action: 'git:push', connection: 'git', path: 'o/a', ref: 'refs/tags/v1' }],
  })
  assert.deepEqual(pushed['dst_endpoint'], { name: 'git', hostname: 'git.example', svc_name: 'git' })
  assert.deepEqual(pushed['resources'], [
    { name: 'git:push git/o/a@refs/tags/v1', type: 'git:push', namespace: 'git' },
  ])
  const leased = ocsfOf(
    'lease.issued',
    'lse_1',
    { session: 'ses_1', step: 'stp_1', job, connection: 'git', grant: 'git:read git/o/a' },
    'run_1',
  )
  assert.deepEqual(leased['user'], { name: 'per_1', uid: 'per_1', type_id: 1 })
})

test('an entry that stands for many refusals says how many, and from when to when', () => {
  const event = ocsfOf('access.denied', 'stp_1', {
    what: '40 more refusals',
    reason: 'counted',
    count: 40,
    first: at(1),
    last: at(9),
    refusals: [{ what: 'evil.example:443', reason: 'no', count: 40 }],
  })
  assert.deepEqual(
    [event['count'], event['start_time'], event['end_time']],
    [40, Date.parse(at(1)), Date.parse(at(9))],
  )
})

test('a job whose issuer says of nobody is a service, by its subject', () => {
  const event = ocsfOf('session.refused', 'mayfly://server', {
    reason: 'trust_mismatch',
    identity: { subject: 'repo:x/y:ref:refs/heads/main', repository: 'x/y' },
  })
  assert.deepEqual(event['user'], { name: 'repo:x/y:ref:refs/heads/main', type_id: 4 })
})

test('every type of entry that is written anywhere has its class', () => {
  const source = new URL('../../', import.meta.url)
  const written = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.(?:test|fixture)\.ts$/.test(file))
    .flatMap((file) => [...readFileSync(new URL(file, source), 'utf8').matchAll(writtenType)])
    .map((match) => match[1] ?? match[2])
  assert.ok(written.length > 25, written.join(' '))
  assert.deepEqual(
    [...new Set(written)].filter((type) => !classifiedTypes.includes(type ?? '')),
    [],
  )
})

test('the schema is no rubber stamp: a missing, wrong or unknown attribute is refused', () => {
  const [event = {}] = exported('ocsf', { run: 'run_1' }).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  )
  assertValid(ocsf, event)
  const { metadata: _, ...without } = event
  for (const broken of [
    without,
    { ...event, class_uid: 1 },
    { ...event, severity_id: 9 },
    { ...event, colour: 'red' },
  ])
    assert.equal(ocsf(broken), false)
})

test('ndjson holds the whole entry, and its index', () => {
  const lines = exported('ndjson').map((line) => JSON.parse(line) as unknown)
  assert.deepEqual(
    lines,
    story.map((entry, index) => ({ index, ...entry })),
  )
})

test('filters: run, repository by name and id, role, time; all at once', () => {
  const types = (filter: ExportFilter) =>
    exported('ndjson', filter).map((line) => (JSON.parse(line) as Entry).type)
  assert.equal(types({ run: 'run_1' }).length, 11)
  assert.deepEqual(types({ run: 'run_2' }), [])
  // What came before the claims were known is not claimed for the repository.
  assert.equal(types({ repository: 'o/a' }).length, 10)
  assert.deepEqual(types({ repository: '1' }), types({ repository: 'o/a' }))
  assert.deepEqual(types({ repository: 'x/y' }), ['session.refused'])
  assert.equal(types({ role: 'build' }).length, 9)
  assert.deepEqual(types({ role: 'test' }), ['session.issued', 'session.ended'])
  assert.deepEqual(types({ role: 'release' }), ['session.refused'])
  const [fromMs, toMs] = [Date.parse(at(2)), Date.parse(at(4))]
  assert.deepEqual(types({ fromMs, toMs }), ['session.issued', 'step.started'])
  assert.deepEqual(types({ fromMs, toMs, role: 'build', repository: '1', run: 'run_1' }), [
    'session.issued',
    'step.started',
  ])
})

test('the first and the last entry of a run are of its repository, too', () => {
  const { repository, repository_id } = identity
  const entries = [
    entryOf('run.started', 'run_9', { pipeline: 'ci', repository, repository_id }, 'run_9'),
    entryOf('session.issued', 'ses_9', { identity, roles: [] }, 'run_9'),
    entryOf('run.finished', 'run_9', {}, 'run_9'),
    entryOf('step.finished', 'stp_9', {}, 'run_9'),
  ]
  for (const filter of [{ repository: 'o/a' }, { repository: '1' }]) {
    const take = createExporter('ndjson', filter)
    const taken = entries.filter((entry, i) => take(i, Buffer.from(formatEntry(entry))) !== undefined)
    assert.deepEqual(taken, entries.slice(0, 3))
  }
})

test('an entry that cannot be read is not passed over', () => {
  const bytes = Buffer.from('not json')
  assert.equal(createExporter('ndjson', {})(5, bytes), '{"index":5,"unreadable":"not json"}')
  assert.equal(createExporter('ocsf', {})(5, bytes), null)
  assert.equal(createExporter('cloudevents', {})(5, bytes), null)
  assert.equal(createExporter('cloudevents', { run: 'x' })(5, bytes), undefined)
})

test('an entry is one line, whatever white space it has, and never ends the export', () => {
  const inner = formatEntry(story[0] as Entry)
  const outer = entryOf('access.granted', 'req_1', {
    operations: [{ action: { toString: 1 } }, null],
    inner: 0,
  })
  const bytes = Buffer.from(formatEntry(outer).replaceAll('"inner":0', `"inner":[\n${inner}\r\n]`))
  for (const format of ['cloudevents', 'ocsf', 'ndjson'] as const)
    assert.doesNotMatch(createExporter(format, {})(0, bytes) ?? '\n', /[\r\n]/)
  const line = JSON.parse(createExporter('cloudevents', {})(0, bytes) ?? '') as unknown
  assert.deepEqual(line, JSON.parse(bytes.toString()))
})
