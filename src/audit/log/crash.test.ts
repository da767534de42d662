import assert from 'node:assert/strict'
import { watch } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Checkpoint,
  createTileHashes,
  httpSource,
  parseVerifierKey,
  proveConsistency,
  type Receipt,
  verifyCheckpoint,
  verifyConsistency,
} from '../verify/index.ts'
import { verifyFolder } from '../verify/node.ts'
import { spawnWitness, type WitnessProcess } from '../witness/spawn.fixture.ts'
import { postEntries, soakRounds, temporaryFolder } from './log.fixture.ts'
import { type LogProcess, spawnLog } from './spawn.fixture.ts'

const rounds = soakRounds ?? 8
/** Of six rounds the last three have witnesses: some checkpoints that others hold are cosigned. */
const isWitnessed = (round: number) => round % 6 >= 3

/** What the outside holds of the log when it dies: it has to be found again in every later life. */
interface Held {
  receipts: Receipt[]
  /** The last requests that were answered, to be sent again. */
  answered: { entries: { key: string; entry: string }[]; receipts: Receipt[] }[]
  /** Every checkpoint that was ever read, from the log or from a witness. */
  known: Set<string>
  /** Those of the last round. */
  fresh: Set<string>
  /** The largest of them. */
  newest: Checkpoint | undefined
}

test(`kill -9 at ${rounds} moments: no receipt is broken, no checkpoint contradicted`, async (t) => {
  const folder = await temporaryFolder(t)
  const held: Held = { receipts: [], answered: [], known: new Set(), fresh: new Set(), newest: undefined }
  const first = await spawnLog(folder, 15)
  assert.ok(typeof first !== 'string', String(first))
  const { verifierKey } = first
  await first.end('SIGKILL')
  const witnesses = await openWitnesses(t, verifierKey)
  let killedNearCommit = 0
  for (let round = 0; round < rounds; round++) {
    const policy = isWitnessed(round) ? await witnesses.policy() : undefined
    const log = await spawnLog(folder, 15, policy)
    assert.ok(typeof log !== 'string', `round ${round}: ${String(log)}`)
    await checkHeld(log, held, `round ${round}`)
    const nearCommit = round % 4 !== 0
    const killing = killSometime(log, folder, nearCommit)
    const writers = Array.from({ length: 3 }, (_, i) => appendUntilDead(log, `${round}-${i}`, held))
    if (policy !== undefined && round % 12 === 3) await witnesses.killOne(round)
    await Promise.all([...writers, collectCheckpoints(log, held)])
    if (await killing) killedNearCommit++
    await log.end('SIGKILL')
    for (const note of await witnesses.cosigned()) held.fresh.add(note)
  }
  const last = await spawnLog(folder, 15)
  assert.ok(typeof last !== 'string', String(last))
  await checkHeld(last, held, 'the last round')
  await last.end('SIGTERM')
  const { receipts } = held
  const verdict = await verifyFolder(folder, verifierKey, { known: [...held.known], receipts })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.ok(verdict.size >= receipts.length && receipts.length > 0)
  assert.equal((await readFile(join(folder, 'key.vkey'), 'utf8')).trim(), verifierKey)
  const cosigned = [...held.known].filter((note) => note.includes('\u2014 w0.example '))
  assert.ok(cosigned.length > 0 && killedNearCommit > 0)
  t.diagnostic(
    `${receipts.length} receipts, ${held.known.size} checkpoints held outside, ${cosigned.length} of them cosigned, ${killedNearCommit} of ${rounds} kills within 6 ms of the staging of a commit`,
  )
})

/** Kills the log at a random moment, or within a few milliseconds of the staging of a commit; true for the latter. */
async function killSometime(log: LogProcess, folder: string, nearCommit: boolean): Promise<boolean> {
  const kill = () => void log.process.kill('SIGKILL')
  const dead = new Promise((resolve) => log.process.once('exit', resolve))
  let commits = Math.ceil(Math.random() * 5)
  let hit = false
  const timer = setTimeout(kill, nearCommit ? 2_000 : Math.random() * 250)
  const staged = join(folder, 'state', 'staged')
  await mkdir(staged, { recursive: true })
  const watcher = watch(staged, () => {
    if (!nearCommit || hit || --commits > 0) return
    hit = true
    // A commit takes near 5 ms here: from its first file to the removal of its stage.
    const delayMs = Math.random() * 6
    const startMs = performance.now()
    const wait = () => (performance.now() - startMs >= delayMs ? kill() : setImmediate(wait))
    wait()
  })
  await dead
  clearTimeout(timer)
  watcher.close()
  return hit
}

async function appendUntilDead(log: LogProcess, name: string, held: Held): Promise<void> {
  for (let i = 0; ; i++) {
    const entries = Array.from({ length: 1 + (i % 20) }, (_, k) => ({
      key: `${name}-${i}-${k}`,
      entry: `{"n":"${name}-${i}-${k}"}`,
    }))
    const answer = await postEntries(log.url, entries).catch(() => undefined)
    if (answer === undefined) return
    assert.equal(answer.status, 200)
    const { receipts } = answer.body
    held.receipts.push(...receipts)
    held.answered.push({ entries, receipts })
    if (held.answered.length > 30) held.answered.shift()
  }
}

async function collectCheckpoints(log: LogProcess, held: Held): Promise<void> {
  for (;;) {
    const note = await readCheckpoint(log).catch(() => undefined)
    if (note === undefined) return
    held.fresh.add(note)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function readCheckpoint(log: LogProcess): Promise<string> {
  return await (await fetch(`${log.url}/checkpoint`)).text()
}

/** A restarted log gives the receipts of the last round again, and extends the largest checkpoint that is held. */
async function checkHeld(log: LogProcess, held: Held, when: string): Promise<void> {
  await Promise.all(
    held.answered.splice(0).map(async ({ entries, receipts }) => {
      const again = await postEntries(log.url, entries)
      assert.deepEqual(again.body.receipts, receipts, when)
    }),
  )
  const note = await readCheckpoint(log)
  const verifier = parseVerifierKey(log.verifierKey)
  assert.ok(verifier)
  for (const one of [...held.fresh, note]) {
    const verdict = await verifyCheckpoint(one, verifier)
    assert.ok(verdict.ok, when)
    if (held.newest === undefined || verdict.checkpoint.size >= held.newest.size)
      held.newest = verdict.checkpoint
    held.known.add(one)
  }
  held.fresh.clear()
  const now = await verifyCheckpoint(note, verifier)
  assert.ok(now.ok && held.newest !== undefined, when)
  await checkExtends(log, held.newest, now.checkpoint, when)
}

async function checkExtends(log: LogProcess, old: Checkpoint, now: Checkpoint, when: string): Promise<void> {
  assert.ok(now.size >= old.size, `${when}: ${old.size} entries were published, now ${now.size}`)
  const proof = await proveConsistency(createTileHashes(httpSource(log.url), now.size), old.size, now.size)
  const claim = { oldSize: old.size, newSize: now.size, oldRoot: old.root, newRoot: now.root }
  assert.ok(verifyConsistency(claim, proof), `${when}: what was published is not extended`)
}

/** Two witness processes that outlive the log's rounds, and now and then are killed too. */
async function openWitnesses(t: TestContext, verifierKey: string) {
  const folders = [await temporaryFolder(t), await temporaryFolder(t)]
  const start = async (i: number): Promise<WitnessProcess> =>
    await spawnWitness(folders[i] ?? '', `w${i}.example`, verifierKey)
  const processes = [await start(0), await start(1)]
  t.after(async () => {
    for (const one of processes) await one.end('SIGKILL')
  })
  return {
    policy: async () => {
      for (const [i, one] of processes.entries())
        if (one.process.exitCode !== null || one.process.killed) processes[i] = await start(i)
      const lines = processes.map((one, i) => `witness w${i} ${one.verifierKey} ${one.url}\n`)
      return `log ${verifierKey}\n${lines.join('')}group both all w0 w1\nquorum both\n`
    },
    killOne: async (round: number) => await processes[((round / 3) % 2) | 0]?.end('SIGKILL'),
    /** What a monitor would see at the witnesses. */
    cosigned: async () => {
      const notes = await Promise.all(processes.map((one) => one.latest(verifierKey).catch(() => undefined)))
      return notes.filter((note) => note !== undefined)
    },
  }
}
