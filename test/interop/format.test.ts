import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createAuditClient, createRunNumbers } from '../../src/audit/client/index.ts'
import {
  entriesOf,
  openLog,
  postEntries,
  sampleLog,
  temporaryFolder,
  token,
} from '../../src/audit/log/log.fixture.ts'
import { personal } from '../../src/audit/people/index.ts'
import { type Entry, formatEntry } from '../../src/audit/verify/index.ts'
import { newId, Secret, systemClock } from '../../src/lib/index.ts'

// What docs/audit-format.md says is enough to write a verifier from: verify.py was, and judges the logs that we write.
const program = join(import.meta.dirname, 'verify.py')
const python = (...args: string[]) =>
  spawnSync('python3', ['-B', ...args], { encoding: 'utf8', timeout: 120_000 })
const reason = 'there is no Python 3.11 or later on this machine: install it to run this'
const skip = python('-c', 'import sys; sys.exit(sys.version_info < (3, 11))').status === 0 ? false : reason
const names = python('-c', 'import cryptography').status === 0
const skipNames =
  skip || (names ? false : 'this Python has no package "cryptography": install it to run this')

interface Verdict {
  verified: boolean
  size?: number
  checkpoints?: number
  runs?: number
  unreadable?: number
  people?: Record<'open' | 'erased' | 'closed', number>
  problems: string[]
}

interface Log {
  folder: string
  verifierKey: string
}

/** What verify.py says of a log. `plain` keeps packages from it: it then has Ed25519 of its own. */
async function verdictOf(log: Log, { plain = false, args = [] as string[] } = {}): Promise<Verdict> {
  const vkey = join(log.folder, 'given.vkey')
  await writeFile(vkey, `${log.verifierKey}\n`)
  const ran = python(...(plain ? ['-S'] : []), program, log.folder, vkey, ...args)
  assert.equal(ran.stderr, '')
  const verdict = JSON.parse(ran.stdout) as Verdict
  assert.equal(ran.status, verdict.verified ? 0 : 1)
  return verdict
}

const startMs = Date.UTC(2026, 10, 25)
const runLength = 50

function entryOf(id: string, number: number, more: Partial<Entry>): string {
  const time = new Date(startMs + number * 1_000).toISOString()
  const source = 'mayfly://server'
  return formatEntry({ id, source, time, type: 'step.started', subject: 'stp_1', data: {}, ...more })
}

/** Runs of fifty entries each, one after the other. */
function ofRuns(number: number): string {
  const seq = number % runLength
  const type = seq === 0 ? 'run.started' : seq === runLength - 1 ? 'run.finished' : 'access.granted'
  const data = { step: 'stp_1', operations: [{ action: 'read', path: `größe/${number}` }] }
  return entryOf(`key-${number}`, number, { type, data, run: `run_${Math.floor(number / runLength)}`, seq })
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  await writeFile(path, bytes)
}

test('logs of several sizes verify, with packages and without', { skip, timeout: 120_000 }, async (t) => {
  for (const sizes of [[0], [1], [1, 257], [1, 257, 600]]) {
    const log = await sampleLog(t, sizes, ofRuns)
    const receipts = join(log.folder, 'receipts')
    await writeFile(receipts, log.receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join(''))
    const size = sizes.at(-1)!
    for (const plain of [false, true]) {
      const { verified, problems, ...rest } = await verdictOf(log, { plain })
      assert.deepEqual([verified, problems], [true, []])
      assert.deepEqual([rest.size, rest.runs, rest.unreadable], [size, Math.ceil(size / runLength), 0])
      assert.ok(rest.checkpoints! > sizes.length)
    }
    assert.deepEqual((await verdictOf(log, { args: ['--receipts', receipts] })).problems, [])
  }
})

test('an entry that is none of this format is counted, and no fault of the tree', { skip }, async (t) => {
  const { verified, unreadable } = await verdictOf(await sampleLog(t, [3]))
  assert.deepEqual([verified, unreadable], [true, 3])
})

const tamperings: [string, (folder: string) => Promise<void>, RegExp][] = [
  [
    'an entry',
    (folder) => flip(join(folder, 'tile/entries/001'), 40),
    /^tile\/0\/001: is not what the entries/,
  ],
  [
    'the last bundle',
    (folder) => flip(join(folder, 'tile/entries/002.p/88'), -1),
    /^tile\/0\/002\.p\/88: is not/,
  ],
  [
    'a bundle cut',
    (folder) => truncate(join(folder, 'tile/entries/000'), 9_000),
    /^tile\/entries\/000: ends too early/,
  ],
  ['a bundle gone', (folder) => rm(join(folder, 'tile/entries/001')), /^tile\/entries\/001: is missing/],
  ['a leaf hash', (folder) => flip(join(folder, 'tile/0/000'), 8_191), /^tile\/0\/000: is not what/],
  [
    'a tile grown',
    (folder) => writeFile(join(folder, 'tile/0/001'), 'x', { flag: 'a' }),
    /^tile\/0\/001: is not/,
  ],
  ['an old partial', (folder) => flip(join(folder, 'tile/1/000.p/1'), 0), /^tile\/1\/000\.p\/1: is not what/],
  ['an old partial gone', (folder) => rm(join(folder, 'tile/1/000.p/1')), /^tile\/1\/000\.p\/1: is missing/],
  ['a tile that is none', (folder) => writeFile(join(folder, 'tile/0/0'), ''), /^tile\/0\/0: is no tile/],
  [
    'a signature',
    (folder) => editCheckpoint(folder, (lines) => lines.with(4, changed(lines[4]!))),
    /wrong signature/,
  ],
  [
    'the signed time',
    (folder) => editCheckpoint(folder, (lines) => lines.with(5, changed(lines[5]!))),
    /wrong signature/,
  ],
  [
    'the signed time gone',
    (folder) => editCheckpoint(folder, (lines) => lines.toSpliced(5, 1)),
    /has no signed time/,
  ],
  [
    'both signatures gone',
    (folder) => editCheckpoint(folder, (lines) => lines.toSpliced(4, 2)),
    /is no signed note/,
  ],
  ['the size', (folder) => editCheckpoint(folder, (lines) => lines.with(1, '599')), /wrong signature/],
  ['a kept checkpoint', (folder) => flip(join(folder, 'checkpoints/257'), -5), /checkpoints\/257: /],
  [
    'a kept one under another name',
    (folder) => rename(...inside(folder, 'checkpoints/257', 'checkpoints/258')),
    /258: is not the one/,
  ],
  [
    'an older checkpoint',
    (folder) => copyFile(...inside(folder, 'checkpoints/257', 'checkpoint')),
    /signed for 600 entries, the log has fewer/,
  ],
]

function inside(folder: string, from: string, to: string): [string, string] {
  return [join(folder, from), join(folder, to)]
}

/** The same line with another character in its signature: still base64, still the same key. */
function changed(line: string): string {
  return line.replace(/.(.{7})$/, (text, rest: string) => `${text.startsWith('A') ? 'B' : 'A'}${rest}`)
}

async function editCheckpoint(folder: string, edit: (lines: string[]) => string[]): Promise<void> {
  const path = join(folder, 'checkpoint')
  await writeFile(path, edit((await readFile(path, 'utf8')).split('\n')).join('\n'))
}

test('whatever is changed in a log is found', { skip, timeout: 120_000 }, async (t) => {
  const log = await sampleLog(t, [1, 257, 600], ofRuns)
  for (const [name, change, problem] of tamperings)
    await t.test(name, async () => {
      const folder = join(await temporaryFolder(t), 'log')
      await cp(log.folder, folder, { recursive: true })
      await change(folder)
      for (const plain of name.includes('sign') ? [false, true] : [false]) {
        const { verified, problems } = await verdictOf({ ...log, folder }, { plain })
        assert.equal(verified, false)
        assert.match(problems.join('\n'), new RegExp(problem.source, 'm'))
      }
    })
})

test('what was kept elsewhere tells of another log, and of one whose end was cut', { skip }, async (t) => {
  const log = await sampleLog(t, [1, 257], ofRuns)
  const shorter = join(await temporaryFolder(t), 'log')
  await cp(log.folder, shorter, { recursive: true })
  for (const name of await readdir(join(shorter, 'checkpoints')))
    if (name.startsWith('257')) await rm(join(shorter, 'checkpoints', name))
  await copyFile(...inside(shorter, 'checkpoints/1', 'checkpoint'))
  const cut = { ...log, folder: shorter }
  assert.equal((await verdictOf(cut)).verified, true)
  const elsewhere = ['--checkpoint', join(log.folder, 'checkpoint')]
  assert.match((await verdictOf(cut, { args: elsewhere })).problems.join(), /signed for 257 .* has fewer/)

  const receipts = join(log.folder, 'receipts')
  await writeFile(receipts, JSON.stringify({ ...log.receipts[3], index: 4 }))
  const forged = await verdictOf(log, { args: ['--receipts', receipts] })
  assert.deepEqual(forged.problems, ['receipt 4: is not signed by the log'])

  const { verifierKey } = await sampleLog(t, [0])
  assert.match((await verdictOf({ ...log, verifierKey })).problems.join(), /is not signed by the log/)
})

/** A log of these entries, and what verify.py finds in it. */
async function problemsOf(t: TestContext, entries: Partial<Entry>[]): Promise<string[]> {
  const textOf = (number: number) => entryOf(`key-${number}`, number, entries[number]!)
  return (await verdictOf(await sampleLog(t, [entries.length], textOf))).problems
}

const step = (seq: number, more: Partial<Entry> = {}): Partial<Entry> => ({ run: 'run_1', seq, ...more })
const begin = step(0, { type: 'run.started' })
const end = (seq: number) => step(seq, { type: 'run.finished' })
const lost = (seq: number, ...numbers: number[]) => step(seq, { type: 'entries.lost', data: { numbers } })
const restart: Partial<Entry> = { type: 'server.started' }
const later: Partial<Entry> = { time: new Date(startMs + 26 * 3_600_000).toISOString() }

test(
  'gaps in runs: what was taken away is found, what the log says of itself is none',
  { skip },
  async (t) => {
    const missing = ['run run_1: numbers 2 to 3 are missing']
    const twice = ['run run_1: number 1 is there twice, again as entry 2']
    const open = ['run run_1: has no end']
    const again = step(3, { type: 'session.issued' })
    const cases: [Partial<Entry>[], string[]][] = [
      [[step(1), begin, step(2), end(3)], []],
      [[begin, step(1), step(4), end(5)], missing],
      [[begin, step(1), step(4), lost(5, 2, 3), end(6)], []],
      [
        [begin, step(1), step(4), lost(5, 2, 3), end(6), step(7, { run: 'run_2' })],
        ['run run_2: numbers 0 to 6 are missing'],
      ],
      [[begin, step(1), step(1), end(2)], twice],
      [[begin, step(1), restart, step(1), end(2)], []],
      [[begin, step(1), later], open],
      [[begin, step(1), end(2), later], []],
      [[begin, step(1), end(2), again, later], open],
      [[begin, step(1), end(2), again, end(4), later], []],
      [[begin, { run: 'run_1' }, end(1)], ['run run_1: entry 1 has no number']],
    ]
    for (const [entries, problems] of cases) assert.deepEqual(await problemsOf(t, entries), problems)
  },
)

async function logOfPeople(t: TestContext) {
  const folder = await temporaryFolder(t)
  const people = new Map<string, { person: string; key: Uint8Array }>()
  const log = await openLog(t, folder)
  const client = createAuditClient({
    url: log.url,
    appendToken: new Secret(token),
    verifierKey: log.verifierKey,
    source: 'mayfly://server',
    clock: systemClock,
    numbers: createRunNumbers(() => Promise.resolve(undefined)),
    people: {
      async find(who) {
        const known = people.get(who) ?? { person: newId<string>('per'), key: randomBytes(32) }
        people.set(who, known)
        return known
      },
    },
  })
  t.after(() => client.close())
  const mona = (name: string) => personal('github:1', name)
  const actor = { id: mona('583231'), login: mona('mona') }
  const nora = personal('x:1', 'Ünal "N" \u2028')
  const run = 'run_people'
  await client.append({ type: 'run.started', run, data: { pipeline: 'ci', by: nora } })
  await client.append({ type: 'session.issued', run, data: { actor, approval: { answers: [{ by: nora }] } } })
  await client.append({ type: 'run.finished', run, data: {} })
  return { folder, log, client, people }
}

test(
  'names open and are what was committed to; those of who was erased do not',
  { skip: skipNames },
  async (t) => {
    const { folder, log, client, people } = await logOfPeople(t)
    const { person } = people.get('github:1')!
    const before = join(await temporaryFolder(t), 'log')
    await postEntries(log.url, entriesOf(0, 300, ofRuns))
    await client.erase(person, {
      type: 'person.erased',
      subject: person,
      data: { by: 'operator' },
    })
    await log.close()
    const kept = { folder, verifierKey: log.verifierKey }
    const verdict = await verdictOf(kept)
    assert.deepEqual(verdict.problems, [])
    assert.deepEqual(verdict.people, { open: 2, erased: 2, closed: 0 })
    assert.deepEqual((await verdictOf(kept, { plain: true })).people, { open: 0, erased: 2, closed: 2 })

    await cp(folder, before, { recursive: true })
    await writeFile(
      join(before, 'people/keys', person),
      `${Buffer.from(people.get('github:1')!.key).toString('base64')}\n`,
    )
    const restored = await verdictOf({ ...kept, folder: before })
    assert.deepEqual(restored.problems, [
      `people/keys/${person}: is still there, though the person was erased`,
    ])
    await rm(join(before, 'people'), { recursive: true })
    assert.deepEqual((await verdictOf({ ...kept, folder: before })).people, { open: 0, erased: 0, closed: 4 })
  },
)

test('names beside the log that were changed do not open', { skip: skipNames }, async (t) => {
  const { folder, log } = await logOfPeople(t)
  await log.close()
  const kept = { folder, verifierKey: log.verifierKey }
  assert.deepEqual((await verdictOf(kept)).people, { open: 4, erased: 0, closed: 0 })
  const path = join(folder, 'people/names/0')
  const text = await readFile(path, 'utf8')
  await writeFile(path, `${text}{"id":"torn`)
  assert.deepEqual((await verdictOf(kept)).problems, [])
  await writeFile(path, text.replace(/"box":"..../, '"box":"AAAA'))
  const { verified, problems } = await verdictOf(kept)
  assert.equal(verified, false)
  assert.match(problems.join(), /^entry 0: the name at by does not open/)
  await writeFile(path, '')
  assert.equal((await verdictOf(kept)).problems.length, 4)
})
