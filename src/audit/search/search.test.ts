import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { writeLargeLog } from '../../../bench/large-log.ts'
import { formatEntry, parseVerifierKey, textOf, verifyCheckpoint, type Entry } from '../verify/index.ts'
import { folderSource } from '../verify/node.ts'
import { openSearch, type Query } from './index.ts'

const seed = new Uint8Array(32).fill(7)
const startMs = Date.parse('2026-11-01T00:00:00.000Z')
const repositories = ['octo/app', 'octo/lib', 'evil/fork']

/** A log in which every run has ten entries; each tells by its number what it is. */
function entryOf(number: number): Entry {
  const run = Math.floor(number / 10)
  const repository = repositories[run % 3] ?? ''
  const base = {
    id: `e${number}`,
    source: 'mayfly://server',
    time: new Date(startMs + number * 1000).toISOString(),
    run: `run_${run}`,
    seq: number % 10,
  }
  const job = {
    issuer: 'github',
    repository,
    repository_id: `${run % 3}`,
    ref: 'refs/heads/main',
    commit: commitOf(run),
  }
  const step = { session: `ses_${run}`, step: `stp_${run}`, role: 'build' }
  switch (number % 10) {
    case 0:
      return { ...base, type: 'run.started', subject: base.run, data: { pipeline: 'ci', ...job } }
    case 1:
      return {
        ...base,
        type: 'session.issued',
        subject: step.session,
        data: {
          issuer: 'github',
          identity: job,
          actor: { login: { person: `per_${run % 3}`, commitment: `c${number}` } },
          roles: ['build'],
        },
      }
    case 8:
      return {
        ...base,
        type: 'access.denied',
        subject: step.step,
        data: { ...step, what: `host-${run}.example:443`, reason: 'no rule' },
      }
    case 9:
      return { ...base, type: 'run.finished', subject: base.run, data: {} }
    default:
      return {
        ...base,
        type: 'access.granted',
        subject: step.step,
        data: {
          ...step,
          operations: [{ action: 'npm:install', connection: 'npm', path: `p${number}` }],
          npm: { package: `p${number}`, version: '1.0.0' },
        },
      }
  }
}

const commitOf = (run: number) => run.toString(16).padStart(40, '0')

async function logOf(t: TestContext, size: number, change: (entry: Entry) => Entry = (entry) => entry) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-search-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return { folder, ...(await written(folder, size, change)) }
}

async function written(folder: string, size: number, change: (entry: Entry) => Entry = (entry) => entry) {
  const key = writeLargeLog(folder, size, (number) => formatEntry(change(entryOf(number))), seed)
  const source = folderSource(folder)
  const verifier = parseVerifierKey(key)
  assert.ok(verifier)
  const verdict = await verifyCheckpoint(textOf((await source.read('checkpoint'))!), verifier)
  assert.ok(verdict.ok)
  return { source, under: verdict.checkpoint }
}

async function found(
  log: Awaited<ReturnType<typeof written>>,
  query: Query,
  { file, told = [] }: { file?: string; told?: string[] } = {},
): Promise<number[]> {
  const search = await openSearch({ ...log, file, tell: (line) => void told.push(line) })
  try {
    const all: number[] = []
    for await (const { index, entry } of search.find(query)) {
      assert.deepEqual(entry.id, `e${index}`)
      all.push(index)
    }
    return all
  } finally {
    search.close()
  }
}

/** What a reading of the whole log finds. */
function expected(size: number, isWanted: (entry: Entry, number: number) => boolean): number[] {
  return Array.from({ length: size }, (_, i) => i).filter((number) => isWanted(entryOf(number), number))
}

const size = 2_000

test('by every kind of value, as reading everything would', async (t) => {
  const log = await logOf(t, size)
  const ofRun = (run: number) => (_: Entry, number: number) => Math.floor(number / 10) === run
  const cases: [Query['terms'], (entry: Entry, number: number) => boolean][] = [
    [{ run: ['run_77'] }, ofRun(77)],
    [{ type: ['run.finished'] }, ({ type }) => type === 'run.finished'],
    [{ type: ['run.*'] }, ({ type }) => type.startsWith('run.')],
    // The end of a run says nothing of its repository itself.
    [{ repository: ['octo/lib'] }, (_, number) => Math.floor(number / 10) % 3 === 1],
    [
      { repository: ['1'], outcome: ['denied'] },
      (e, n) => Math.floor(n / 10) % 3 === 1 && e.type === 'access.denied',
    ],
    [{ host: ['HOST-5.example'] }, (_, number) => number === 58],
    [{ host: ['host-5*.example'] }, (e, n) => n % 10 === 8 && /^5\d*$/.test(String(Math.floor(n / 10)))],
    [{ package: ['p33'] }, (_, number) => number === 33],
    [{ package: ['p33@1.0.0', 'p34'] }, (_, number) => number === 33 || number === 34],
    [{ commit: [commitOf(12).slice(0, 40)] }, ofRun(12)],
    [{ actor: ['per_2'] }, (_, number) => Math.floor(number / 10) % 3 === 2],
    [{ step: ['stp_9'], action: ['npm:install'] }, (e, n) => ofRun(9)(e, n) && e.type === 'access.granted'],
    [{ session: ['ses_3'] }, (e, n) => ofRun(3)(e, n) && n % 10 > 0 && n % 10 < 9],
    [{ run: ['run_1'], repository: ['octo/app'] }, () => false],
  ]
  for (const [terms, isWanted] of cases)
    assert.deepEqual(await found(log, { terms }), expected(size, isWanted), JSON.stringify(terms))
})

test('hosts that were refused so often that they are only counted are found, and counted in the run', async (t) => {
  const log = await logOf(t, 20, (entry) =>
    entry.id === 'e8'
      ? {
          ...entry,
          data: {
            ...entry.data,
            what: '7 more refusals',
            count: 7,
            refusals: [{ what: 'Often.example:443', reason: 'no', count: 7 }],
          },
        }
      : entry,
  )
  assert.deepEqual(await found(log, { terms: { host: ['often.example'] } }), [8])
  const search = await openSearch({ ...log, file: undefined, tell: () => undefined })
  t.after(() => search.close())
  assert.deepEqual(
    [...search.runs()].map(({ denied }) => denied),
    [1, 7],
  )
})

test('by time, alone and with others; the newest first', async (t) => {
  const log = await logOf(t, size)
  const [fromMs, toMs] = [startMs + 500_000, startMs + 505_000]
  assert.deepEqual(await found(log, { terms: {}, fromMs, toMs }), [500, 501, 502, 503, 504])
  assert.deepEqual(await found(log, { terms: { type: ['run.started'] }, fromMs, toMs }), [500])
  const search = await openSearch({ ...log, file: undefined, tell: () => undefined })
  t.after(() => search.close())
  const newest: number[] = []
  for await (const { index } of search.find({ terms: { type: ['run.started'] } }, 'newest'))
    newest.push(index)
  assert.deepEqual(newest, expected(size, ({ type }) => type === 'run.started').reverse())
})

test('a value that no entry has is named, with what was meant', async (t) => {
  const log = await logOf(t, 300)
  const search = await openSearch({ ...log, file: undefined, tell: () => undefined })
  t.after(() => search.close())
  assert.deepEqual(search.unknown({ terms: { repository: ['octo/ap'], role: ['build'] } }), [
    { kind: 'repository', value: 'octo/ap', meant: 'octo/app' },
  ])
  assert.equal(search.unknown({ terms: { secret: ['nothing-like-it'] } })[0]?.meant, undefined)
})

test('runs: when, of what, how it went', async (t) => {
  const log = await logOf(t, 35)
  const search = await openSearch({ ...log, file: undefined, tell: () => undefined })
  t.after(() => search.close())
  const runs = [...search.runs()]
  assert.deepEqual(
    runs.map(({ run, ended, denied, job }) => [run, ended, denied, job.repository]),
    [
      ['run_3', false, 0, 'octo/app'],
      ['run_2', true, 1, 'evil/fork'],
      ['run_1', true, 1, 'octo/lib'],
      ['run_0', true, 1, 'octo/app'],
    ],
  )
  assert.deepEqual(search.people()[0], { person: 'per_0', entries: [1, 31] })
})

test('an index on disk grows with the log, from any size, and is its owner’s alone', async (t) => {
  const { folder } = await logOf(t, 100)
  const file = join(folder, 'cache', 'index.db')
  const query: Query = { terms: { repository: ['evil/fork'], type: ['access.denied'] } }
  for (const grown of [100, 101, 255, 256, 257, 700, 700, 1_500]) {
    const log = await written(folder, grown)
    const wanted = expected(grown, (e, n) => Math.floor(n / 10) % 3 === 2 && e.type === 'access.denied')
    assert.deepEqual(await found(log, query, { file }), wanted, String(grown))
    const search = await openSearch({ ...log, file, tell: () => undefined })
    assert.equal(
      [...search.runs()].reduce((sum, { denied }) => sum + denied, 0),
      expected(grown, (e) => e.type === 'access.denied').length,
    )
    search.close()
  }
  assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('two who index at once write everything once', async (t) => {
  const log = await logOf(t, 5_000)
  const file = join(log.folder, 'index.db')
  const all = await Promise.all(
    Array.from({ length: 4 }, () => found(log, { terms: { type: ['run.finished'] } }, { file })),
  )
  for (const one of all)
    assert.deepEqual(
      one,
      expected(5_000, ({ type }) => type === 'run.finished'),
    )
  const search = await openSearch({ ...log, file, tell: () => undefined })
  t.after(() => search.close())
  assert.deepEqual(new Set([...search.runs()].map(({ denied }) => denied)), new Set([1]))
})

test('an index of another history is told, not believed and not touched', async (t) => {
  const { folder, ...log } = await logOf(t, 600)
  const file = join(folder, 'index.db')
  await found(log, { terms: {} }, { file })
  const rewritten = await logOf(t, 800, (entry) =>
    entry.id === 'e8' ? { ...entry, subject: 'changed' } : entry,
  )
  const older = await logOf(t, 300)
  for (const other of [rewritten, older]) {
    const told: string[] = []
    assert.equal((await found(other, { terms: { host: ['host-0.example'] } }, { file, told })).length, 1)
    assert.match(told.join('\n'), /no continuation of the one that .*index\.db was made of/)
  }
  // The first log still has its own.
  const told: string[] = []
  assert.equal((await found(log, { terms: { run: ['run_59'] } }, { file, told })).length, 10)
  assert.deepEqual(told, [])
})

test('an index that is broken is made anew', async (t) => {
  const log = await logOf(t, 400)
  const file = join(log.folder, 'index.db')
  writeFileSync(file, 'this is no database, and long enough to look like one'.repeat(100))
  assert.equal((await found(log, { terms: { run: ['run_5'] } }, { file })).length, 10)
})

test('where no index can be, it is said, and the answer is the same', async (t) => {
  const log = await logOf(t, 400)
  for (const file of [log.folder, join(log.folder, 'checkpoint', 'index.db')]) {
    const told: string[] = []
    assert.equal((await found(log, { terms: { run: ['run_5'] } }, { file, told })).length, 10)
    assert.match(told.join('\n'), /^no index can be kept at .*, so the whole log is read: /)
  }
})

test('an entry that the checkpoint does not sign is never found', async (t) => {
  const { folder, ...log } = await logOf(t, 600)
  const file = join(folder, 'index.db')
  await found(log, { terms: {} }, { file })
  const other = await logOf(t, 600, (entry) =>
    entry.id === 'e58' ? { ...entry, subject: 'stp_forged' } : entry,
  )
  const forged = { ...other.source, name: 'forged' }
  await assert.rejects(
    found({ source: forged, under: log.under }, { terms: { run: ['run_5'] } }, { file }),
    /checkpoint signs/,
  )
})
