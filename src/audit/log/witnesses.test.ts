import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemFs } from '../disk/index.ts'
import {
  parseEntry,
  parseTlogPolicy,
  parseVerifierKey,
  readEntries,
  type TlogPolicy,
  verifyByPolicy,
  verifyCheckpoint,
} from '../verify/index.ts'
import { folderSource, verifyFolder } from '../verify/node.ts'
import type { Witness } from '../witness/index.ts'
import { openWitness } from '../witness/witness.fixture.ts'
import type { AuditLog, AuditLogOptions } from './index.ts'
import { entriesOf, openLog, postEntries, temporaryFolder } from './log.fixture.ts'

/** A log's folder, its key, and two witnesses that know it. */
async function scene(t: TestContext) {
  const folder = await temporaryFolder(t)
  const { verifierKey, close } = await openLog(t, folder)
  await close()
  const folders = [await temporaryFolder(t), await temporaryFolder(t)]
  const open = async (i: number, port = 0) =>
    await openWitness(t, folders[i] ?? '', [verifierKey], { name: `w${i}.example`, port })
  const witnesses = [await open(0), await open(1)] as const
  return { folder, verifierKey, witnesses, reopen: open, policy: policyOf(verifierKey, witnesses) }
}

function policyOf(
  verifierKey: string,
  witnesses: readonly Pick<Witness, 'verifierKey' | 'url'>[],
): TlogPolicy {
  const lines = witnesses.map((one, i) => `witness w${i} ${one.verifierKey} ${one.url}`)
  const names = witnesses.map((_, i) => `w${i}`).join(' ')
  const parsed = parseTlogPolicy(
    `log ${verifierKey}\n${lines.join('\n')}\ngroup all all ${names}\nquorum all\n`,
  )
  assert.ok(parsed.ok)
  return parsed.policy
}

async function openWatched(t: TestContext, folder: string, options: Partial<AuditLogOptions>) {
  const lines: string[] = []
  const log = await openLog(t, folder, {
    publishIntervalMs: 20,
    tell: (line) => lines.push(line),
    ...options,
  })
  return { log, lines }
}

async function health(log: AuditLog) {
  const response = await fetch(`${log.url}/healthz`)
  return (await response.json()) as {
    ok: boolean
    reason?: string
    quorum?: boolean
    published: number
    witnesses?: { name: string; ok: boolean; reason?: string }[]
  }
}

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`never: ${what}`)
}

async function alarmsIn(
  folder: string,
): Promise<{ type: string; data: Readonly<Record<string, unknown>> }[]> {
  const alarms: { type: string; data: Readonly<Record<string, unknown>> }[] = []
  for await (const { bytes } of readEntries(folderSource(folder))) {
    const entry = parseEntry(bytes)
    if (entry?.source === 'mayfly://audit-log') alarms.push({ type: entry.type, data: entry.data })
  }
  return alarms
}

test('every published checkpoint is cosigned by both witnesses', async (t) => {
  const { folder, policy, verifierKey } = await scene(t)
  const { log } = await openWatched(t, folder, { witnessPolicy: policy })
  for (let from = 0; from < 600; from += 300) {
    await postEntries(log.url, entriesOf(from, from + 300))
    await until('published', async () => (await health(log)).published === from + 300)
    const note = await (await fetch(`${log.url}/checkpoint`)).text()
    const verdict = await verifyByPolicy(note, policy)
    assert.ok(verdict.ok, JSON.stringify(verdict))
    assert.equal(verdict.checkpoint.size, from + 300)
  }
  assert.equal((await health(log)).quorum, true)
  await log.close()
  const verdict = await verifyFolder(folder, verifierKey, { policy })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.deepEqual(
    verdict.witnesses.map(({ name }) => name),
    ['w0', 'w1'],
  )
})

test('a lost quorum is told and refuses nobody; it comes back by itself', async (t) => {
  const { folder, policy, witnesses, reopen, verifierKey } = await scene(t)
  const { log, lines } = await openWatched(t, folder, { witnessPolicy: policy })
  await witnesses[1].close()
  assert.equal((await postEntries(log.url, entriesOf(0, 10))).status, 200)
  await until('degraded', async () => (await health(log)).quorum === false)
  const degraded = await health(log)
  assert.equal(degraded.ok, true)
  assert.deepEqual(
    degraded.witnesses?.map(({ name, ok }) => [name, ok]),
    [
      ['w0', true],
      ['w1', false],
    ],
  )
  assert.match(lines.join('\n'), /WITNESS QUORUM LOST: w1/)
  await until('published', async () => (await health(log)).published >= 11)
  const verdict = await verifyFolder(folder, verifierKey, { policy })
  assert.equal(!verdict.ok && verdict.problem.kind, 'no_quorum')
  await reopen(1, Number(new URL(witnesses[1].url).port))
  await postEntries(log.url, entriesOf(10, 20))
  await until('restored', async () => (await health(log)).quorum === true)
  await until('cosigned again', async () => {
    const note = await (await fetch(`${log.url}/checkpoint`)).text()
    return (await verifyByPolicy(note, policy)).ok
  })
  await log.close()
  assert.deepEqual(
    (await alarmsIn(folder)).map(({ type }) => type),
    ['quorum.lost', 'quorum.restored'],
  )
})

test('a folder put back to an older copy is told by the witnesses, proven, and does not start', async (t) => {
  const { folder, policy } = await scene(t)
  const first = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(first.log.url, entriesOf(0, 100))
  await first.log.close()
  const copy = `${folder}-copy`
  t.after(() => rm(copy, { recursive: true, force: true, maxRetries: 20 }))
  await cp(folder, copy, { recursive: true })
  const second = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(second.log.url, entriesOf(100, 200))
  await second.log.close()
  await rm(folder, { recursive: true })
  await cp(copy, folder, { recursive: true })
  const lines: string[] = []
  const rolled = openWatched(t, folder, { witnessPolicy: policy, tell: (line) => lines.push(line) })
  await assert.rejects(rolled, /rolled back or copied.*restore the newest copy/)
  assert.match(lines.join('\n'), /FORK: .*shown by the witness w[01].*it has cosigned 200 entries/)
  // Its own word of it is durable: a start that a person has allowed publishes it.
  await rm(join(folder, 'state/forks'), { recursive: true })
  const again = await openWatched(t, folder, {})
  await again.log.close()
  const alarms = await alarmsIn(folder)
  assert.ok(alarms.some(({ type }) => type === 'history.contradicted'))
  assert.ok(
    alarms.every(
      ({ data }) => typeof data['checkpoint'] !== 'string' || data['checkpoint'].includes('\n200\n'),
    ),
  )
})

test('a fork shown to two witnesses: both refuse it, both keep the proof, the log does not start', async (t) => {
  const { folder, policy, witnesses } = await scene(t)
  const base = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(base.log.url, entriesOf(0, 50))
  await base.log.close()
  const fork = `${folder}-fork`
  t.after(() => rm(fork, { recursive: true, force: true, maxRetries: 20 }))
  await cp(folder, fork, { recursive: true })
  const honest = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(honest.log.url, entriesOf(50, 60))
  await honest.log.close()
  // As many entries, but others: who would see it that is shown one of the two alone?
  const forked = await openLog(t, fork)
  await postEntries(forked.url, entriesOf(1_050, 1_060))
  await forked.close()
  const lines: string[] = []
  const shown = openWatched(t, fork, { witnessPolicy: policy, tell: (line) => lines.push(line) })
  await assert.rejects(shown, /that this folder contradicts/)
  for (const [i, witness] of witnesses.entries()) {
    assert.match(
      witness.lines.join('\n'),
      /FORK: the log test\.example\/audit has signed two trees of size 60/,
    )
    assert.match(lines.join('\n'), new RegExp(`shown by the witness w${i}`))
  }
})

/** Two copies of a folder of 50 entries, each of which grew alone; the witnesses have cosigned the honest one. */
async function twoHistories(t: TestContext, honestSize: number, forkSize: number) {
  const { folder, policy, verifierKey } = await scene(t)
  const base = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(base.log.url, entriesOf(0, 50))
  await base.log.close()
  const fork = `${folder}-fork`
  t.after(() => rm(fork, { recursive: true, force: true, maxRetries: 20 }))
  await cp(folder, fork, { recursive: true })
  const honest = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(honest.log.url, entriesOf(50, honestSize))
  await honest.log.close()
  const forked = await openLog(t, fork)
  for (let from = 50; from < forkSize; from += 500)
    await postEntries(forked.url, entriesOf(1_000 + from, 1_000 + Math.min(from + 500, forkSize)))
  await forked.close()
  return { folder, fork, policy, verifierKey }
}

test('a copy that grew alone is a fork whichever is longer; neither start nor the next goes on with it', async (t) => {
  for (const [honestSize, forkSize] of [
    [51, 50],
    [60, 55],
    [60, 60],
    [60, 61],
    [51, 52],
    [64, 512],
    [257, 700],
    [700, 300],
  ] as const) {
    const { fork, policy, verifierKey } = await twoHistories(t, honestSize, forkSize)
    const before = await readFile(join(fork, 'checkpoint'), 'utf8')
    const about = `${honestSize} and ${forkSize}`
    const isFork = { code: 'audit_corrupt', message: /rolled back or copied/ }
    await assert.rejects(openLog(t, fork, { witnessPolicy: policy }), isFork, about)
    assert.equal(await readFile(join(fork, 'checkpoint'), 'utf8'), before, about)
    // Whether the witnesses can be asked or not.
    for (const options of [{}, { witnessPolicy: policy }])
      await assert.rejects(openLog(t, fork, options), {
        ...isFork,
        message: /state\/forks\/fork-[0-9a-f]{32} has both/,
      })
    const [mark = ''] = await readdir(join(fork, 'state/forks'))
    const parts = (await readFile(join(fork, 'state/forks', mark), 'utf8')).split('\n\n')
    const verifier = parseVerifierKey(verifierKey)
    assert.ok(verifier)
    for (const [note, size] of [
      [`${parts[0]}\n\n${parts[1]}\n`, forkSize],
      [`${parts[2]}\n\n${parts[3]}`, honestSize],
    ] as const) {
      const verdict = await verifyCheckpoint(note, verifier)
      assert.equal(verdict.ok && verdict.checkpoint.size, size, about)
    }
  }
})

test('the folder that the witnesses know starts, also when it is copied over the one with the mark', async (t) => {
  const { folder, fork, policy } = await twoHistories(t, 60, 70)
  await assert.rejects(openLog(t, fork, { witnessPolicy: policy }), /rolled back or copied/)
  const right = await openLog(t, folder, { witnessPolicy: policy })
  await right.close()
  const [mark = ''] = await readdir(join(fork, 'state/forks'))
  const bytes = await readFile(join(fork, 'state/forks', mark))
  await rm(fork, { recursive: true })
  await cp(folder, fork, { recursive: true })
  await mkdir(join(fork, 'state/forks'))
  await writeFile(join(fork, 'state/forks', mark), bytes)
  const restored = await openLog(t, fork, { witnessPolicy: policy })
  assert.equal((await postEntries(restored.url, entriesOf(90, 91))).status, 200)
  await restored.close()
  // A mark that was changed lets nothing through.
  await writeFile(join(fork, 'state/forks', mark), Buffer.from(bytes).with(3, 0))
  const again = await openLog(t, fork)
  await again.close()
  await writeFile(join(fork, 'state/forks', mark), Buffer.from(bytes).with(bytes.length - 5, 0))
  await assert.rejects(openLog(t, fork), /is the mark of a fork and cannot be read/)
})

test('a fork is told and stops the log though its proof cannot be kept: the disk is full', async (t) => {
  const { fork, policy } = await twoHistories(t, 60, 70)
  const open: typeof systemFs.open = async (path, ...rest) => {
    if (String(path).includes('forks')) throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' })
    return await systemFs.open(path, ...rest)
  }
  const lines: string[] = []
  const options = {
    witnessPolicy: policy,
    fs: { ...systemFs, open },
    tell: (line: string) => lines.push(line),
  }
  await assert.rejects(openLog(t, fork, options), /rolled back or copied/)
  assert.match(lines.join('\n'), /the proof of a fork cannot be kept: ENOSPC: injected\n(?:.*\n)*FORK: /)
  await assert.rejects(openLog(t, fork, { witnessPolicy: policy }), /rolled back or copied/)
  await assert.rejects(openLog(t, fork), /has both checkpoints/)
})

test('a running log that learns of its own newer copy stops, with its reason', async (t) => {
  const { folder, policy } = await scene(t)
  const base = await openWatched(t, folder, { witnessPolicy: policy })
  await postEntries(base.log.url, entriesOf(0, 20))
  await base.log.close()
  const copy = `${folder}-copy`
  t.after(() => rm(copy, { recursive: true, force: true, maxRetries: 20 }))
  await cp(folder, copy, { recursive: true })
  const running = await openWatched(t, folder, { witnessPolicy: policy })
  const other = await openWatched(t, copy, { witnessPolicy: policy })
  await postEntries(other.log.url, entriesOf(100, 140))
  await until('the copy is cosigned', async () => (await health(other.log)).published === 60)
  await other.log.close()
  await postEntries(running.log.url, entriesOf(200, 201))
  await until('stopped', async () => !(await health(running.log)).ok)
  assert.match((await health(running.log)).reason ?? '', /restore the newest copy/)
  assert.equal((await postEntries(running.log.url, entriesOf(300, 301))).status, 503)
  assert.match(running.lines.join('\n'), /FORK: /)
})

test('a witness that lies, babbles or hangs: told, and nothing waits for it', async (t) => {
  const folder = await temporaryFolder(t)
  const { verifierKey, close } = await openLog(t, folder)
  await close()
  const answers: [status: number, body: string, reason: RegExp][] = [
    [409, '999999999\n', /more than this log has/],
    [409, 'x', /without a size/],
    [409, '0\n', /changed its mind/],
    [422, 'no', /refuses this history/],
    [200, 'nonsense', /not signed by its key/],
    [200, `\u2014 w0.example ${Buffer.alloc(76).toString('base64')}\n`, /not signed by its key/],
    [500, '', /answered 500/],
    [200, 'x'.repeat(100_000), /more than 65536 bytes/],
    [0, '', /timeout|aborted/i],
  ]
  const real = await openWitness(t, await temporaryFolder(t), [verifierKey], { name: 'w0.example' })
  for (const [i, [status, body, reason]] of answers.entries()) {
    const server = createServer((_, response) => status > 0 && response.writeHead(status).end(body))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const policy = policyOf(verifierKey, [{ ...real, url }])
    const { log } = await openWatched(t, folder, { witnessPolicy: policy, witnessTimeoutMs: 200 })
    assert.equal((await postEntries(log.url, entriesOf(i * 10, i * 10 + 10))).status, 200)
    const size = async () => (await health(log)).published
    await until('published all the same', async () => (await size()) >= (i + 1) * 10)
    const told = await health(log)
    assert.equal(told.ok, true)
    assert.match(told.witnesses?.[0]?.reason ?? '', reason)
    await log.close()
    server.closeAllConnections()
    server.close()
  }
  assert.ok((await verifyFolder(folder, verifierKey)).ok)
})

test('a checkpoint is signed again when its time is up, and every one is kept', async (t) => {
  const folder = await temporaryFolder(t)
  let nowMs = 1_700_000_000_000
  const { log } = await openWatched(t, folder, { clock: { nowMs: () => nowMs }, refreshIntervalMs: 600_000 })
  await postEntries(log.url, entriesOf(0, 3))
  await until('published', async () => (await health(log)).published === 3)
  const first = await (await fetch(`${log.url}/checkpoint`)).text()
  nowMs += 599_000
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(await (await fetch(`${log.url}/checkpoint`)).text(), first)
  nowMs += 1_000
  await until('signed again', async () => (await (await fetch(`${log.url}/checkpoint`)).text()) !== first)
  await log.close()
  const verdict = await verifyFolder(folder, log.verifierKey)
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.equal(verdict.timeSeconds, 1_700_000_600)
  const kept = (await readdir(join(folder, 'checkpoints'))).filter((name) => name.startsWith('3'))
  assert.equal(kept.length, 2)
})

/** A witness in this process whose every answer is the test's. */
async function puppet(t: TestContext, answer: (path: string) => Promise<[status: number, body: string]>) {
  const server = createServer((request, response) => {
    request.resume()
    void answer(request.url ?? '').then(([status, body]) => response.writeHead(status).end(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('a witness that refuses for good is told once, not with every entry that says so', async (t) => {
  const folder = await temporaryFolder(t)
  const { verifierKey, close } = await openLog(t, folder)
  await close()
  const real = await openWitness(t, await temporaryFolder(t), [verifierKey], { name: 'w0.example' })
  let asked = 0
  const url = await puppet(t, async (path) => {
    if (path !== '/add-checkpoint') return [404, '']
    asked++
    return [422, `no \u001b[31m${asked}`]
  })
  const policy = policyOf(verifierKey, [{ ...real, url }])
  const { log, lines } = await openWatched(t, folder, { witnessPolicy: policy })
  for (let i = 0; i < 5; i++) {
    await postEntries(log.url, entriesOf(i, i + 1))
    const before = asked
    await until('asked again', () => asked > before)
  }
  await log.close()
  const refused = (await alarmsIn(folder)).filter(({ type }) => type === 'history.refused')
  assert.equal(refused.length, 1)
  assert.match(String(refused[0]?.data['reason']), /no \[31m1$/)
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(lines.join(''), /\u001b/)
})

test('a slow witness that was shown a newer checkpoint meanwhile proves nothing: the log goes on', async (t) => {
  const folder = await temporaryFolder(t)
  const { verifierKey, close } = await openLog(t, folder)
  await close()
  const real = await openWitness(t, await temporaryFolder(t), [verifierKey], { name: 'w0.example' })
  const published = async () => await (await fetch(`${log.url}/checkpoint`)).text()
  let asked = 0
  const url = await puppet(t, async (path) => {
    if (path !== '/add-checkpoint') return [200, await published()]
    if (++asked !== 2) return [500, '']
    // Held back until the log has published more: then that is what it has seen.
    const size = (await health(log)).published
    await postEntries(log.url, entriesOf(asked * 10, asked * 10 + 10))
    await until('published', async () => (await health(log)).published >= size + 10)
    return [409, `${(await health(log)).published}\n`]
  })
  const policy = policyOf(verifierKey, [{ ...real, url }])
  const { log } = await openWatched(t, folder, { witnessPolicy: policy, witnessTimeoutMs: 5_000 })
  await postEntries(log.url, entriesOf(0, 5))
  // Asked a third time, it has been judged by what it said the second time.
  let more = 100
  await until('asked again', async () => {
    await postEntries(log.url, entriesOf(more, ++more))
    const { ok, reason } = await health(log)
    assert.equal(ok, true, reason ?? '')
    return asked > 2
  })
  await log.close()
  assert.deepEqual(
    (await alarmsIn(folder)).map(({ type }) => type).filter((type) => type.startsWith('history.')),
    [],
  )
})
