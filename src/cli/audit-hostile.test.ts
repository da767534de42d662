import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createSigner, signNote } from '../audit/sign/index.ts'
import {
  createTree,
  encodeBundle,
  formatCheckpoint,
  formatEntry,
  leafHash,
  utf8,
} from '../audit/verify/index.ts'
import { audit, program } from './audit-command.fixture.ts'

/** The folder of a log whose owner signs whatever it likes. */
async function hostileLog(t: TestContext, entries: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-hostile-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const signer = createSigner('hostile.example', randomBytes(32))
  const tree = createTree()
  for (const entry of entries) tree.push(leafHash(utf8(entry)))
  const text = formatCheckpoint({ origin: 'hostile.example', size: entries.length, root: tree.root() })
  await writeFile(join(folder, 'checkpoint'), signNote(text, signer))
  await writeFile(join(folder, 'key.vkey'), signer.verifierKey)
  await mkdir(join(folder, 'tile', 'entries', '000.p'), { recursive: true })
  await writeFile(
    join(folder, 'tile', 'entries', '000.p', String(entries.length)),
    encodeBundle(entries.map(utf8)),
  )
  return folder
}

let number = 0
function entryOf(type: string, data: Record<string, unknown>, run = 'run_1'): string {
  const id = `id-${number}`
  return formatEntry({
    id,
    source: '/s',
    time: '2026-01-01T00:00:00.000Z',
    type,
    subject: 's',
    run,
    seq: number++,
    data,
  })
}

// eslint-disable-next-line no-control-regex
const obeyed = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/

test('nothing that a log holds is obeyed by a terminal, in lines or in JSON', async (t) => {
  const evil = '\u009b31m\u007f\u202e\u001b[2J\nno gap: all is well'
  const folder = await hostileLog(t, [
    entryOf('odd.thing', { evil }),
    entryOf('run.started', { pipeline: 'p' }, evil),
    entryOf('run.finished', {}, evil),
    entryOf('run.started', { pipeline: evil }),
  ])
  for (const args of [['show'], ['show', '0'], ['show', '--json'], ['check'], ['check', '--json']]) {
    const { stdout } = await audit(...args, '--folder', folder)
    assert.match(stdout, /u009b31m/, args.join(' '))
    assert.doesNotMatch(stdout, obeyed, args.join(' '))
    assert.doesNotMatch(stdout, /^no gap: all is well/m, args.join(' '))
  }
  const { stdout } = await audit('show', '--json', '--folder', folder)
  const { entries } = JSON.parse(stdout) as { entries: { data: { evil?: string } }[] }
  assert.equal(entries.length, 4)
  assert.equal(entries[0]?.data.evil, evil)
})

test('one entry that is not what its type holds hides no other', async (t) => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const folder = await hostileLog(t, [
    entryOf('session.issued', {}),
    entryOf('session.issued', { identity: { commit: 5 } }),
    entryOf('access.granted', { operations: 'none' }),
    entryOf('step.finished', { granted: [null] }),
    entryOf('odd.thing', { commitment: 'DEEP' }).replace('"DEEP"', deep),
    entryOf('lease.revoked', { connection: 'last', reason: 'finished' }),
  ])
  const { code, stdout, stderr } = await audit('show', '--folder', folder)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /the lease on last was revoked: finished/)
  assert.equal(stdout.trim().split('\n').length, 6)
})

test('an export into a file that is there is one clear line, and leaves it as it was', async (t) => {
  const folder = await hostileLog(t, [entryOf('odd.thing', {})])
  const out = join(folder, 'out')
  await writeFile(out, 'mine')
  const { code, stderr } = await audit('export', '--format', 'ndjson', '--folder', folder, '--out', out)
  assert.equal(code, 2)
  assert.match(stderr, /^mayfly: \S+out is there already: name a new file\n$/)
  assert.equal(await readFile(out, 'utf8'), 'mine')
})

test('entries that cannot be read are no gap, and no good end of a check either', async (t) => {
  const whole = [entryOf('session.issued', {}, 'run_u').replace(/"mayflyseq":\d+/, '"mayflyseq":0')]
  const strange = Array.from({ length: 21 }, () => 'no JSON')
  for (const [entries, said] of [
    [[...whole, 'no JSON'], /^UNREADABLE: entry 1\nUNREADABLE ENTRIES, no gap in the others: 1 runs/m],
    [[...whole, ...strange], /^UNREADABLE: entries 1, .*, 20 and more\n/m],
    [[...whole, whole[0]!, 'no JSON'], /^DUPLICATE .*\nUNREADABLE: entry 2\nGAPS: 1 runs/m],
  ] as const) {
    const folder = await hostileLog(t, entries)
    const checked = await audit('check', '--folder', folder)
    assert.deepEqual([checked.code, checked.stderr], [1, ''])
    assert.match(checked.stdout, said)
  }
})

test('a reader that has seen enough ends the command without a word', async (t) => {
  const folder = await hostileLog(
    t,
    Array.from({ length: 200 }, () => entryOf('odd.thing', { filling: 'x'.repeat(10_000) })),
  )
  const whole = [['show'], ['show', '--json'], ['export', '--format', 'ndjson']]
  // These are short: their reader leaves before the first line.
  for (const args of [...whole, ['show', '--help'], ['check']]) {
    const child = spawn(process.execPath, [...program, ...args, '--folder', folder])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    if (whole.includes(args)) child.stdout.once('data', () => child.stdout.destroy())
    else child.stdout.destroy()
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(stderr, '', args.join(' '))
    assert.equal(code, 141, args.join(' '))
  }
})

test('what a folder or a mirror puts in the place of an entry is not shown, checked or exported', async (t) => {
  const folder = await hostileLog(t, [entryOf('odd.thing', { said: 'truth' })])
  const forged = entryOf('odd.thing', { said: 'a lie' })
  await writeFile(join(folder, 'tile/entries/000.p/1'), encodeBundle([utf8(forged)]))
  for (const args of [['show'], ['show', '0'], ['tail'], ['check'], ['export', '--format', 'ndjson']]) {
    const { code, stdout, stderr } = await audit(...args, '--folder', folder)
    assert.equal(code, 1, args.join(' '))
    assert.doesNotMatch(stdout, /a lie|no gap/)
    assert.match(stderr, /^mayfly: the audit log is not what its checkpoint signs: tile\/entries\/000\.p\/1/)
  }
  const exportTo = (out: string) =>
    audit('export', '--format', 'ndjson', '--folder', folder, '--out', join(folder, out))
  const refused = await exportTo('out')
  assert.equal(refused.code, 1)
  assert.deepEqual((await readdir(folder)).toSorted(), ['checkpoint', 'key.vkey', 'tile'])
  const nowhere = await exportTo('no/out')
  assert.equal(nowhere.code, 2)
  assert.match(nowhere.stderr, /^mayfly: \S+no\/out cannot be written: ENOENT[^\n]*\n$/)
  const key = createSigner('hostile.example', randomBytes(32)).verifierKey
  const strangers = await audit('show', '--folder', folder, '--key', key)
  assert.equal(strangers.code, 1)
  assert.match(strangers.stderr, /is not to be believed/)
})
