import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FatalError, sha256Hex } from '../../lib/index.ts'
import { systemFs } from '../disk/index.ts'
import { createSigner, signNote } from '../sign/index.ts'
import {
  formatCheckpoint,
  leafHash,
  parseCheckpoint,
  parseVerifierKey,
  utf8,
  verifyCheckpoint,
  verifyCosignature,
} from '../verify/index.ts'
import { historyOf, log, openWitness } from './witness.fixture.ts'

async function post(url: string, body: string) {
  const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body })
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() }
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-witness-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }))
  return folder
}

test('an honest log is cosigned step by step, also after a restart, and monitors see the last one', async (t) => {
  const folder = await temporaryFolder(t)
  const { note, request } = historyOf('honest')
  const first = await openWitness(t, folder, [log.verifierKey])
  const verifier = parseVerifierKey(first.verifierKey)
  assert.ok(verifier)
  for (const [from, to] of [
    [0, 7],
    [7, 7],
    [7, 100],
  ] as const) {
    const answer = await post(first.url, await request(from, to))
    assert.equal(answer.status, 200, answer.body)
    const time = await verifyCosignature(note(to) + answer.body, verifier)
    assert.ok(time !== undefined && Math.abs(time - Date.now() / 1000) < 60)
  }
  await first.close()
  const second = await openWitness(t, folder, [log.verifierKey])
  assert.equal(second.verifierKey, first.verifierKey)
  assert.deepEqual(await post(second.url, await request(0, 120)), {
    status: 409,
    type: 'text/x.tlog.size',
    body: '100\n',
  })
  assert.equal((await post(second.url, await request(100, 150))).status, 200)
  const shown = await (await fetch(`${second.url}/${sha256Hex(log.name)}/checkpoint`)).text()
  const logKey = parseVerifierKey(log.verifierKey)
  assert.ok(logKey)
  const verdict = await verifyCheckpoint(shown, logKey)
  assert.ok(verdict.ok && verdict.checkpoint.size === 150)
  assert.ok((await verifyCosignature(shown, verifier)) !== undefined)
  assert.deepEqual(second.lines, [])
})

test('each refusal of tlog-witness has its status', async (t) => {
  const witness = await openWitness(t, await temporaryFolder(t), [log.verifierKey])
  const { note, proof, request } = historyOf('honest')
  const stranger = historyOf('honest', createSigner('stranger.example', randomBytes(32)))
  const imposter = historyOf('honest', createSigner(log.name, randomBytes(32)))
  const other = historyOf('other')
  assert.equal((await post(witness.url, await request(0, 100))).status, 200)
  const good = await request(100, 150)
  const cases: [status: number, body: string, what: string][] = [
    [400, '', 'empty'],
    [400, good.replace('old 100', 'old 0100'), 'a size with a zero in front'],
    [400, good.replace('old 100', 'old -1'), 'a negative size'],
    [400, good.replace('old 100\n', ''), 'no old line'],
    [400, good.replace('old 100', 'old 151'), 'an old size above the new'],
    [400, `old 100\nAAAA\n\n${note(150)}`, 'a proof line that is no hash'],
    [400, `old 100\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${note(150)}`, '64 lines of proof'],
    [400, `old 100\n${await proof(100, 150)}${note(150)}`, 'no empty line'],
    [400, good.slice(0, -10), 'a torn signature'],
    [400, good.replace('\n150\n', '\n1e2\n'), 'a size that is no decimal'],
    [403, await imposter.request(100, 150), 'another key of the same name'],
    [403, good.replace('\n150\n', '\n149\n'), 'a false signature'],
    [404, await stranger.request(0, 5), 'a log it was not told of'],
    [409, await request(7, 150), 'an old size that is too small'],
    [409, await request(120, 150), 'an old size that is too great'],
    [422, `old 100\n\n${note(150)}`, 'no proof'],
    [422, `old 100\n${await proof(99, 150)}\n${note(150)}`, 'a proof from elsewhere'],
    [422, await other.request(100, 150), 'a fork that goes on'],
    [422, await other.request(100, 100), 'a fork of the same size'],
    [413, 'x'.repeat(70_001), 'too long'],
  ]
  for (const [status, body, what] of cases) assert.equal((await post(witness.url, body)).status, status, what)
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 404)
  assert.equal((await fetch(`${witness.url}/${'0'.repeat(64)}/checkpoint`)).status, 404)
  assert.equal((await fetch(`${witness.url}/add-checkpoint`, { method: 'PUT', body: good })).status, 405)
  assert.equal((await post(witness.url, good)).status, 200)
})

test('the empty tree: only with the root of nothing, and no proof for it', async (t) => {
  const witness = await openWitness(t, await temporaryFolder(t), [log.verifierKey])
  const { note, request } = historyOf('honest')
  const wrong = signNote(formatCheckpoint({ origin: log.name, size: 0, root: leafHash(utf8('x')) }), log)
  assert.equal((await post(witness.url, `old 0\n\n${wrong}`)).status, 422)
  assert.equal((await post(witness.url, `old 0\n${'A'.repeat(43)}=\n\n${note(5)}`)).status, 422)
  assert.equal((await post(witness.url, await request(0, 0))).status, 200)
  assert.equal((await post(witness.url, await request(0, 5))).status, 200)
})

test('two trees of one size: refused, told once, and both signed checkpoints are kept', async (t) => {
  const folder = await temporaryFolder(t)
  const witness = await openWitness(t, folder, [log.verifierKey])
  const [honest, other] = [historyOf('honest'), historyOf('other')]
  assert.equal((await post(witness.url, await honest.request(0, 100))).status, 200)
  for (let i = 0; i < 3; i++)
    assert.equal((await post(witness.url, await other.request(100, 100))).status, 422)
  // Its proof is kept also when its sender pretends to be behind.
  assert.equal((await post(witness.url, `old 0\n\n${other.note(100)}`)).status, 409)
  assert.equal(witness.lines.length, 1)
  assert.match(witness.lines[0] ?? '', /^FORK: the log log\.example\/w has signed two trees of size 100/)
  const forks = join(folder, sha256Hex(log.name), 'forks')
  const [name = ''] = await readdir(forks)
  const kept = await readFile(join(forks, name), 'utf8')
  assert.ok(kept.includes(honest.note(100)) && kept.includes(other.note(100)))
})

test('signatures of others make no second proof of one checkpoint, and leave room for a fork', async (t) => {
  const folder = await temporaryFolder(t)
  const witness = await openWitness(t, folder, [log.verifierKey])
  const [honest, other] = [historyOf('honest'), historyOf('other')]
  assert.equal((await post(witness.url, await honest.request(0, 100))).status, 200)
  for (let i = 0; i < 3; i++) {
    const junk = `\u2014 junk.example ${Buffer.from(`key ${i}`).toString('base64')}\n`
    assert.equal((await post(witness.url, `old 100\n\n${honest.note(150)}${junk}`)).status, 422)
  }
  assert.equal(witness.lines.length, 1)
  assert.match(witness.lines[0] ?? '', /^UNPROVEN: /)
  const forks = join(folder, sha256Hex(log.name), 'forks')
  const [name = ''] = await readdir(forks)
  assert.match(name, /^unproven-/)
  assert.doesNotMatch(await readFile(join(forks, name), 'utf8'), /junk/)
  // As many as may be kept of those, and a fork is kept all the same.
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => writeFile(join(forks, `unproven-${i}`), '')))
  assert.equal((await post(witness.url, `old 100\n\n${honest.note(160)}`)).status, 422)
  assert.equal((await post(witness.url, await other.request(100, 100))).status, 422)
  assert.match(witness.lines.at(-1) ?? '', /^FORK: /)
  assert.equal(witness.lines.length, 2)
  assert.equal((await readdir(forks)).filter((one) => one.startsWith('fork-')).length, 1)
})

test('many at once: whatever the order, every cosigned step extends the one before', async (t) => {
  const witness = await openWitness(t, await temporaryFolder(t), [log.verifierKey])
  const { request } = historyOf('honest')
  const bodies = await Promise.all([10, 20, 30, 40, 50, 60].map((size) => request(0, size)))
  const answers = await Promise.all(bodies.map((body) => post(witness.url, body)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.ok(answers.every(({ status }) => status === 200 || status === 409))
})

test('what cannot be written is not cosigned, then or later', async (t) => {
  const folder = await temporaryFolder(t)
  let broken = false
  const rename: typeof systemFs.rename = async (from, to) => {
    if (broken) throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
    await systemFs.rename(from, to)
  }
  const witness = await openWitness(t, folder, [log.verifierKey], { fs: { ...systemFs, rename } })
  const { request } = historyOf('honest')
  assert.equal((await post(witness.url, await request(0, 10))).status, 200)
  broken = true
  assert.equal((await post(witness.url, await request(10, 20))).status, 500)
  broken = false
  assert.equal((await post(witness.url, await request(10, 20))).status, 500)
  await witness.close()
  const again = await openWitness(t, folder, [log.verifierKey])
  assert.equal((await post(again.url, await request(10, 20))).status, 200)
})

test('a witness that stops keeps its folder until what it was asked for is on the disk', async (t) => {
  const folder = await temporaryFolder(t)
  const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let slow = false
  const rename: typeof systemFs.rename = async (from, to) => {
    if (slow) {
      reached.resolve()
      await gate.promise
    }
    await systemFs.rename(from, to)
  }
  const witness = await openWitness(t, folder, [log.verifierKey], { fs: { ...systemFs, rename } })
  const { request } = historyOf('honest')
  assert.equal((await post(witness.url, await request(0, 10))).status, 200)
  slow = true
  const inFlight = post(witness.url, await request(10, 20)).catch(() => undefined)
  await reached.promise
  const closing = witness.close()
  await inFlight
  await new Promise((resolve) => setTimeout(resolve, 100))
  await assert.rejects(openWitness(t, folder, [log.verifierKey]), /in use/)
  gate.resolve()
  await closing
  const next = await openWitness(t, folder, [log.verifierKey])
  assert.equal((await post(next.url, await request(20, 30))).status, 200)
})

test('a folder that is not its own, in use, or changed is refused', async (t) => {
  const folder = await temporaryFolder(t)
  const witness = await openWitness(t, folder, [log.verifierKey])
  const { request } = historyOf('honest')
  await post(witness.url, await request(0, 10))
  const refused = async (message: RegExp, options = {}) =>
    await assert.rejects(openWitness(t, folder, [log.verifierKey], options), (error) => {
      assert.ok(error instanceof FatalError)
      assert.match(error.message, message)
      return true
    })
  await refused(/is in use by process \d+ on /)
  await witness.close()
  await refused(/is the witness witness\.example\/w, not other/, { name: 'other' })
  await refused(/not a name/, { name: 'a b' })
  await refused(/not the key of a log/, { logs: ['nonsense'] })
  await refused(/not the key of a log/, { logs: [witness.verifierKey] })
  await refused(/two keys for the log/, {
    logs: [log.verifierKey, createSigner(log.name, randomBytes(32)).verifierKey],
  })
  const path = join(folder, sha256Hex(log.name), 'checkpoint')
  const text = await readFile(path, 'utf8')
  assert.equal(parseCheckpoint(text.split('\n\n')[0] + '\n')?.size, 10)
  await writeFile(path, text.replace('\n10\n', '\n9\n'))
  await refused(/is not what this witness cosigned/)
  await writeFile(path, historyOf('honest').note(10))
  await refused(/is not what this witness cosigned/)
})
