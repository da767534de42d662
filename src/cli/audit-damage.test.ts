import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { entriesOf, openLog, postEntries, sampleLog, temporaryFolder } from '../audit/log/log.fixture.ts'
import { formatEntry } from '../audit/verify/index.ts'
import { oddFiles, replaceByOdd } from '../audit/verify/odd-file.fixture.ts'
import { audit } from './audit-command.fixture.ts'
import { runs } from '../../test/whole.ts'

// docs/audit.md: 0 it holds, 1 it does not, 2 the question was wrong, 3 the log cannot be read. For each command, and each damage.

const readable = (number: number) =>
  formatEntry({
    id: `key-${number}`,
    source: 'mayfly://server',
    time: '2026-11-25T02:00:00.000Z',
    type: 'step.started',
    subject: 'stp_1',
    data: {},
  })

async function scene(t: TestContext) {
  const { folder, verifierKey } = await sampleLog(t, [1, 300], readable)
  const older = join(await temporaryFolder(t), 'older')
  await cp(join(folder, 'checkpoints/1'), older)
  return { folder, verifierKey, older }
}

/** Every command that opens a log, and what of it the command reads. */
const commands = (older: string): [args: string[], reads: RegExp][] => [
  [['verify'], /./],
  [['show'], /^(?:checkpoint|tile\/entries\/000|tile\/0\/001\.p\/44)$/],
  [['show', '299'], /^(?:checkpoint|tile\/1\/000\.p\/1)$/],
  [['tail'], /^(?:checkpoint|tile\/1\/000\.p\/1)$/],
  [['check'], /^(?:checkpoint|tile\/entries\/000|tile\/0\/001\.p\/44)$/],
  [['export', '--format', 'ndjson'], /^(?:checkpoint|tile\/entries\/000|tile\/0\/001\.p\/44)$/],
  [['prove', '5'], /^(?:checkpoint|tile\/entries\/000|tile\/0\/000|tile\/0\/001\.p\/44)$/],
  [['consistency', older], /^(?:checkpoint|tile\/0\/000|tile\/0\/001\.p\/44)$/],
]

const files = [
  'checkpoint',
  'checkpoints/1',
  'tile/entries/000',
  'tile/0/000',
  'tile/0/001.p/44',
  'tile/1/000.p/1',
]

test('what cannot be read ends every command with 3, in one line that names the file', async (t) => {
  const { folder, verifierKey, older } = await scene(t)
  // A plain run tries each third, other ones each time.
  let turn = Math.floor(Math.random() * runs(3, 1))
  let tried = Math.floor(Math.random() * oddFiles.length)
  const seen = new Set<string>()
  for (const path of files) {
    const before = await readFile(join(folder, path))
    for (const [args, reads] of commands(older)) {
      if (!reads.test(path)) continue
      if (turn++ % runs(3, 1) !== 0) continue
      const [what, put, said] = oddFiles[tried++ % oddFiles.length]!
      seen.add(what)
      await replaceByOdd(join(folder, path), put, t)
      const { code, stdout, stderr } = await audit(...args, '--folder', folder, '--key', verifierKey)
      const about = `${args.join(' ')}, ${what} at ${path}: ${stderr}`
      assert.equal(code, 3, about)
      const line = (args[0] === 'verify' ? stdout : stderr).split('\n').slice(0, -1).at(-1) ?? ''
      assert.match(line, said, about)
      assert.ok(line.includes(join(folder, path)), about)
      assert.equal(stderr.split('\n').length, args[0] === 'verify' ? 1 : 2, about)
    }
    await replaceByOdd(join(folder, path), (file) => writeFile(file, before), t)
  }
  assert.equal(seen.size, oddFiles.length, 'whatever may stand there was tried')
})

test('the log’s own key, which nobody named, holds up nobody', async (t) => {
  const { folder } = await scene(t)
  await replaceByOdd(join(folder, 'key.vkey'), oddFiles[0]![1], t)
  for (const args of [['verify'], ['show', '5'], ['check']]) {
    const { code, stderr } = await audit(...args, '--folder', folder)
    assert.equal(code, 3, stderr)
    assert.match(stderr, /^mayfly: \S+key\.vkey cannot be read: it is no regular file\n$/)
  }
})

test('what is missing or changed ends every command that reads it with 1, what was asked wrongly with 2', async (t) => {
  const { folder, verifierKey, older } = await scene(t)
  const key = ['--folder', folder, '--key', verifierKey]
  for (const path of ['checkpoint', 'tile/entries/000', 'tile/0/001.p/44']) {
    const before = await readFile(join(folder, path))
    // What is missing is the same to them all.
    for (const damage of path === 'checkpoint' ? (['missing', 'changed'] as const) : (['changed'] as const)) {
      if (damage === 'missing') await rm(join(folder, path))
      else
        await writeFile(
          join(folder, path),
          before.map((byte, i) => (i % 100 === 10 ? byte ^ 1 : byte)),
        )
      for (const [args, reads] of commands(older)) {
        if (!reads.test(path)) continue
        const { code, stdout, stderr } = await audit(...args, ...key)
        assert.equal(code, 1, `${args.join(' ')}, ${path} is ${damage}: ${stdout.slice(-200)}${stderr}`)
      }
      await writeFile(join(folder, path), before)
    }
  }
  for (const [args] of commands(older)) {
    assert.equal((await audit(...args, ...key)).code, 0, args.join(' '))
    const nowhere = await audit(...args, '--folder', `${folder}-none`, '--key', verifierKey)
    assert.deepEqual([nowhere.code, nowhere.stderr.split('\n').length], [2, 2], args.join(' '))
  }
})

test('the log lines of a policy bind: a log of another key is not verified, a --key that is none of them is an error', async (t) => {
  const [one, two] = [await scene(t), await scene(t)]
  const policy = join(await temporaryFolder(t), 'policy')
  const folder = ['--folder', one.folder]
  for (const [text, key, code, said] of [
    [`log ${one.verifierKey}\nquorum none\n`, undefined, 0, /^verified/],
    [`log ${two.verifierKey}\nlog ${one.verifierKey}\nquorum none\n`, undefined, 0, /^verified/],
    [`log ${one.verifierKey}\nquorum none\n`, one.verifierKey, 0, /^verified/],
    [`log ${two.verifierKey}\nquorum none\n`, undefined, 1, /^NOT VERIFIED: /],
    [`log ${two.verifierKey}\nquorum none\n`, one.verifierKey, 2, /is no log of/],
    [`log ${two.verifierKey}\nlog ${one.verifierKey}\nquorum none\n`, two.verifierKey, 1, /^NOT VERIFIED: /],
    ['quorum none\n', undefined, 2, /believes no log/],
    ['quorum none\n', one.verifierKey, 2, /believes no log/],
  ] as const) {
    await writeFile(policy, text)
    const args = [...folder, '--policy', policy, ...(key === undefined ? [] : ['--key', key])]
    const verified = await audit('verify', ...args)
    assert.equal(verified.code, code, `${text}${key}: ${verified.stdout}${verified.stderr}`)
    assert.match(`${verified.stdout}${verified.stderr}`.replace(/^mayfly: /, ''), said)
    assert.equal((await audit('show', '5', ...args)).code, code, `${text}${key}`)
  }
})

test('a log, a witness or a forwarder does not wait for a pipe in its folder', async (t) => {
  const { folder } = await scene(t)
  for (const path of [
    'checkpoint',
    'state/lock-checkpoint',
    'state/key',
    'state/lock',
    'state/lock-holder',
    'key.vkey',
  ]) {
    const before = await readFile(join(folder, path))
    await replaceByOdd(join(folder, path), oddFiles[0]![1], t)
    await assert.rejects(
      openLog(t, folder),
      new RegExp(`${path.replace('/', '.')}.* is a pipe, not a file`),
      path,
    )
    await replaceByOdd(join(folder, path), (file) => writeFile(file, before), t)
  }
  const log = await openLog(t, folder)
  await replaceByOdd(join(folder, 'tile/0/000'), oddFiles[0]![1], t)
  assert.equal((await fetch(`${log.url}/tile/0/000`)).status, 500)
  assert.equal((await postEntries(log.url, entriesOf(900, 901))).status, 200)
})
