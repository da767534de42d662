import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
import { cosignLine, createSigner, signNote } from '../../src/audit/sign/index.ts'
import {
  createTileHashes,
  type Entry,
  formatCheckpoint,
  formatConsistencyProof,
  formatEntry,
  parseConsistencyProof,
  parseEntry,
  parseVerifierKey,
  proveConsistency,
  utf8,
  verifyCheckpoint,
  verifyConsistency,
} from '../../src/audit/verify/index.ts'
import { folderSource, verifyFolder } from '../../src/audit/verify/node.ts'
import { filesOf } from '../../src/audit/verify/vectors.fixture.ts'
import { findGo } from './go.fixture.ts'
import { newId, Secret, systemClock } from '../../src/lib/index.ts'

// What docs/audit-format.md says is enough to write a verifier: verify.py shares no code with ours, and judges our logs.
const program = join(import.meta.dirname, 'verify.py')
const python = (...args: string[]) =>
  spawnSync('python3', ['-B', ...args], { encoding: 'utf8', timeout: 120_000 })
const reason = 'there is no Python 3.11 or later on this machine: install it to run this'
const skip = python('-c', 'import sys; sys.exit(sys.version_info < (3, 11))').status === 0 ? false : reason
const names = python('-c', 'import cryptography').status === 0
/** What anybody may put beside a log's files. */
const strangeFiles = ['tile/0/0', 'tile/readme', 'tile/0/000.p/x', 'notes', 'checkpoints/.new']
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

/** What the document says cannot be read: this entry, with one thing changed in it. */
function unreadable(text: string): string[] {
  const event = JSON.parse(text) as Record<string, unknown>
  const changed = (changes: Record<string, unknown>) => JSON.stringify({ ...event, ...changes })
  const values = {
    specversion: [undefined, '1.1', 1],
    id: [undefined, '', 7],
    source: [undefined, '', {}],
    subject: [undefined, '', null],
    type: [undefined, '', [event['type']], 'dev.cdevents.build.started.0.3.0'],
    time: [undefined, 'soon', 5, ...strangeTimes],
    mayflyrun: [undefined, '', null, 5],
    mayflyseq: [null, -1, 1.5, '0', true, 2 ** 53],
    data: [undefined, null, [], {}, { subject: {} }, { subject: [], customData: [] }],
  }
  const own = (type: string) => `dev.cdeventsx.mayfly-${type}`
  const types = ['run.started.0.2.0', 'session.issued.0.3.0', 'a.b.c.0.2.0', `${'a'.repeat(65)}.b.0.2.0`]
  return [
    ...Object.entries(values).flatMap(([name, all]) => all.map((value) => changed({ [name]: value }))),
    ...types.map((type) => changed({ type: own(type), data: { subject: { content: {} } } })),
    text.replace('"mayflyseq":0', '"mayflyseq":NaN'),
    text.replace('"mayflyseq":0', '"mayflyseq":00'),
    `[${text}]`,
    `${text}{}`,
  ]
}

const strangeTimes = [
  '2026-11-25T02:00:00Z',
  '2026-11-25T02:00:00.0000Z',
  '2026-11-25T02:00:00.000+05:00',
  '2026-11-25T02:00:00.000',
  '2026-11-25 02:00:00.000Z',
  '2026-02-30T02:00:00.000Z',
  '2026-11-25T24:00:00.000Z',
  '2026-12-31T23:59:60.000Z',
  '0000-11-25T02:00:00.000Z',
  '２026-11-25T02:00:00.000Z',
]

test(
  'entries that are not UTF-8, or lack what every entry has, are counted as unreadable, by us as well',
  { skip },
  async (t) => {
    const text = ofRuns(0)
    const entries = [
      utf8(text),
      utf8(text).with(20, 0xff),
      utf8(`\ufeff${text}`),
      Uint8Array.of(0xc0, 0x80),
      ...unreadable(text).map(utf8),
    ]
    assert.deepEqual(
      entries.map((entry) => parseEntry(entry) !== undefined),
      entries.map((_, i) => i === 0),
    )
    const folder = await temporaryFolder(t)
    const signer = createSigner('format.example', randomBytes(32))
    const { files, root } = filesOf(entries)
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), bytes)
    }
    const body = formatCheckpoint({ origin: signer.name, size: entries.length, root })
    await writeFile(
      join(folder, 'checkpoint'),
      signNote(body, signer) + cosignLine(body, 1_700_000_000, signer.as('cosignature')),
    )
    const log = { folder, verifierKey: signer.verifierKey }
    assert.ok((await verifyFolder(folder, log.verifierKey)).ok)
    const verdict = await verdictOf(log)
    assert.deepEqual([verdict.verified, verdict.unreadable], [true, entries.length - 1])
  },
)

test(
  'files of others beside those of a log, and checkpoints that were not kept, are no fault',
  { skip },
  async (t) => {
    const log = await sampleLog(t, [1, 300], ofRuns)
    for (const path of strangeFiles) {
      await mkdir(dirname(join(log.folder, path)), { recursive: true })
      await writeFile(join(log.folder, path), 'strange')
    }
    for (const change of [() => undefined, () => rm(join(log.folder, 'checkpoints'), { recursive: true })]) {
      await change()
      assert.deepEqual((await verdictOf(log)).problems, [])
      assert.ok((await verifyFolder(log.folder, log.verifierKey)).ok)
    }
    await mkdir(join(log.folder, 'checkpoints'))
    const note = await readFile(join(log.folder, 'checkpoint'))
    await writeFile(join(log.folder, 'checkpoints/300'), note)
    assert.ok((await verifyFolder(log.folder, log.verifierKey)).ok)
    for (const name of ['300-0000000000000000', '0300', 'readme']) {
      const file = join(log.folder, 'checkpoints', name)
      await writeFile(file, note)
      assert.match((await verdictOf(log)).problems.join(), /is not the one of its name/)
      const verdict = await verifyFolder(log.folder, log.verifierKey)
      assert.equal(!verdict.ok && verdict.problem.kind, 'checkpoint_malformed')
      await rm(file)
    }
  },
)

test(
  'proofs of consistency and answers of the log: we, Python and Go are of one mind',
  { skip },
  async (t) => {
    const sizes = [0, 1, 2, 255, 256, 257, 300]
    const log = await sampleLog(t, sizes.slice(1), ofRuns)
    const verifier = parseVerifierKey(log.verifierKey)
    assert.ok(verifier)
    const note = (size: number) => readFile(join(log.folder, `checkpoints/${size}`), 'utf8')
    const file = join(await temporaryFolder(t), 'proof')
    const go = findGo()
    if (go.ok) t.after(() => go.remove())
    const program = go.ok ? go.build() : go
    const judge = async (text: string): Promise<boolean[]> => {
      await writeFile(file, text)
      const proof = parseConsistencyProof(text)
      const [from, to] = await Promise.all(
        [proof?.older, proof?.newer].map((one) => verifyCheckpoint(one ?? '', verifier)),
      )
      const ours =
        from?.ok === true &&
        to?.ok === true &&
        verifyConsistency(
          {
            oldSize: from.checkpoint.size,
            newSize: to.checkpoint.size,
            oldRoot: from.checkpoint.root,
            newRoot: to.checkpoint.root,
          },
          proof?.hashes ?? [],
        )
      const theirs = (await verdictOf(log, { args: ['--consistency', file] })).verified
      return [
        ours,
        theirs,
        ...(program.ok ? [(await program.run(['consistency', file, log.verifierKey])).status === 0] : []),
      ]
    }
    for (const [older, newer] of [
      [0, 300],
      [1, 2],
      [2, 300],
      [255, 256],
      [256, 300],
      [257, 300],
      [300, 300],
    ] as const) {
      const hashes = await proveConsistency(createTileHashes(folderSource(log.folder), newer), older, newer)
      const text = formatConsistencyProof({ older: await note(older), newer: await note(newer), hashes })
      assert.ok(
        (await judge(text)).every((one) => one),
        `${older} to ${newer}`,
      )
      const spoilt = [
        formatConsistencyProof({
          older: await note(older),
          newer: await note(newer),
          hashes: [...hashes, randomBytes(32)],
        }),
        `${text}\n`,
        ...(hashes.length > 0 ? [text.replace(/\n.{43}=\n/, '\n')] : []),
        ...(older > 0 && older < newer
          ? [formatConsistencyProof({ older: await note(newer), newer: await note(older), hashes })]
          : []),
      ]
      for (const [i, one] of spoilt.entries())
        assert.ok(
          (await judge(one)).every((held) => !held),
          `${older} to ${newer}, ${i}`,
        )
    }
    const open = await openLog(t, log.folder)
    const { body } = await postEntries(open.url, entriesOf(900, 903))
    await open.close()
    for (const [answer, problems] of [
      [body, []],
      [{ ...body, receipts: body.receipts.toReversed() }, ['an answer is not signed by the log']],
    ] as const) {
      await writeFile(file, JSON.stringify({ receipts: answer.receipts, signature: answer.signature }))
      assert.deepEqual((await verdictOf(log, { args: ['--receipts', file] })).problems, problems)
    }
  },
)

type Edit = (bytes: Uint8Array) => Uint8Array

const flip =
  (at: number): Edit =>
  (bytes) =>
    bytes.with(at, bytes.at(at)! ^ 1)
const lines =
  (edit: (all: string[]) => string[]): Edit =>
  (bytes) =>
    Buffer.from(edit(Buffer.from(bytes).toString().split('\n')).join('\n'))
/** The same line with another character in its signature: still base64, still the same key. */
const changed = (line = '') => line.replace(/.(?=.{7}$)/, (one) => (one === 'A' ? 'B' : 'A'))

/** Files of a log of 600 entries, what is done to them (`undefined`: deleted), and what has to be found. */
const tamperings = (older: Uint8Array): [path: string, edit: Edit | undefined, problem: RegExp][] => [
  ['tile/entries/001', flip(40), /^tile\/0\/001: is not what the entries give$/m],
  ['tile/entries/002.p/88', flip(-1), /^tile\/0\/002\.p\/88: is not what the entries give$/m],
  ['tile/entries/000', (bytes) => bytes.subarray(0, 9_000), /^tile\/entries\/000: ends too early$/],
  ['tile/entries/001', undefined, /No such file .*tile\/entries\/001'$/],
  ['tile/0/000', flip(-1), /^tile\/0\/000: is not what the entries give$/],
  ['tile/0/001', (bytes) => Buffer.concat([bytes, bytes]), /^tile\/0\/001: is not what the entries give$/],
  ['tile/1/000.p/1', flip(0), /^tile\/1\/000\.p\/1: is not what the entries give$/],
  ['tile/1/000.p/1', undefined, /^tile\/1\/000\.p\/1: is missing$/],
  ['checkpoint', lines((all) => all.with(4, changed(all[4]))), /wrong signature by the log/],
  ['checkpoint', lines((all) => all.with(5, changed(all[5]))), /wrong signature by the log/],
  ['checkpoint', lines((all) => all.toSpliced(5, 1)), /has no signed time/],
  ['checkpoint', lines((all) => all.toSpliced(4, 1)), /is not signed by the log/],
  ['checkpoint', lines((all) => all.with(1, '599')), /wrong signature by the log/],
  ['checkpoints/257', lines((all) => all.with(4, changed(all[4]))), /257: has a wrong signature/],
  ['checkpoints/258', () => older, /258: is not the one of its name/],
  ['checkpoint', () => older, /signed for 600 entries, the log has fewer/],
]

test('whatever is changed in a log is found', { skip, timeout: 120_000 }, async (t) => {
  const log = await sampleLog(t, [1, 257, 600], ofRuns)
  const older = await readFile(join(log.folder, 'checkpoints/257'))
  for (const [path, edit, problem] of tamperings(older)) {
    const folder = join(await temporaryFolder(t), 'log')
    await cp(log.folder, folder, { recursive: true })
    const file = join(folder, path)
    if (edit === undefined) await rm(file)
    else await writeFile(file, edit(await readFile(file).catch(() => Buffer.alloc(0))))
    for (const plain of path === 'checkpoint' ? [false, true] : [false]) {
      const { verified, problems } = await verdictOf({ ...log, folder }, { plain })
      assert.deepEqual([path, verified], [path, false])
      assert.match(problems.join('\n'), problem)
    }
  }
})

test('what was kept elsewhere tells of another log, and of one whose end was cut', { skip }, async (t) => {
  const log = await sampleLog(t, [1, 257], ofRuns)
  const shorter = join(await temporaryFolder(t), 'log')
  await cp(log.folder, shorter, { recursive: true })
  for (const name of await readdir(join(shorter, 'checkpoints')))
    if (name.startsWith('257')) await rm(join(shorter, 'checkpoints', name))
  await copyFile(join(shorter, 'checkpoints/1'), join(shorter, 'checkpoint'))
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
    numbers: createRunNumbers(() => undefined),
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
    await rm(join(before, 'people/keys', person))
    await rm(join(before, 'people/erased', person))
    assert.match(
      (await verdictOf({ ...kept, folder: before })).problems.join(),
      /does not open: FileNotFoundError/,
    )
    await rm(join(before, 'people'), { recursive: true })
    assert.equal((await verdictOf({ ...kept, folder: before })).problems.length, 4)
    await rm(join(before, 'state'), { recursive: true })
    const copied = await verdictOf({ ...kept, folder: before })
    assert.deepEqual([copied.problems, copied.people], [[], { open: 0, erased: 0, closed: 4 }])
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
