import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { MayflyError, type RunId, type StepId } from '../lib/index.ts'
import { openLogs } from './logs.fixture.ts'

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const bytes = (text: string) => Buffer.from(text)
const sealedFiles = (folder: string) => {
  const root = join(folder, 'logs', 'sealed')
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'))
}
const run = 'run_1' as RunId
const pastGraceMs = 11_000

test('pieces make one log; its digest is that of the plain bytes, open and sealed', async (t) => {
  const { logs, addStep, endStep, textOf, clock, row, folder } = await openLogs(t)
  const step = await addStep()
  assert.equal(await logs.digest(step), undefined)
  assert.deepEqual(await logs.put({ id: step, run }, 0, bytes('one ')), { size: 4 })
  assert.deepEqual(await logs.put({ id: step, run }, 4, bytes('two')), { size: 7 })
  assert.deepEqual(await logs.digest(step), { bytes: 7, sha256: sha256('one two') })
  assert.equal(await textOf(step, 4), 'two')
  await endStep(step)
  await logs.sweep()
  assert.equal(row(step)?.sealed_ms, null, 'what was said last may still come')
  assert.deepEqual(await logs.put({ id: step, run }, 7, bytes('!')), { size: 8 })
  clock.aheadMs += pastGraceMs
  await logs.sweep()
  assert.deepEqual(await logs.digest(step), { bytes: 8, sha256: sha256('one two!') })
  assert.equal(await textOf(step), 'one two!')
  assert.equal(await textOf(step, 4), 'two!')
  const [file = ''] = sealedFiles(folder)
  assert.ok(file.endsWith(`${step}.${sha256('one two!')}.zst`), file)
  const packed = readFileSync(join(folder, 'logs', 'sealed', file))
  assert.equal(zstdDecompressSync(packed).toString(), 'one two!')
  assert.deepEqual(readdirSync(join(folder, 'logs', 'open')), [])
  await assert.rejects(logs.put({ id: step, run }, 8, bytes('more')), { code: 'revoked' })
})

test('a piece that was sent again, or that is not the next one, changes nothing; of two at once one is taken', async (t) => {
  const { logs, addStep, textOf } = await openLogs(t)
  const step = await addStep()
  await logs.put({ id: step, run }, 0, bytes('abc'))
  assert.deepEqual(await logs.put({ id: step, run }, 0, bytes('abc')), { size: 3 })
  assert.deepEqual(await logs.put({ id: step, run }, 9, bytes('abc')), { size: 3 })
  const both = await Promise.all([
    logs.put({ id: step, run }, 3, bytes('def')),
    logs.put({ id: step, run }, 3, bytes('xyz')),
  ])
  assert.deepEqual(both, [{ size: 6 }, { size: 6 }])
  assert.equal(await textOf(step), 'abcdef')
})

test('two steps at once have a log each', async (t) => {
  const { logs, addStep, textOf } = await openLogs(t)
  const steps = [await addStep(), await addStep()]
  for (let i = 0; i < 20; i++)
    await Promise.all(steps.map((step, which) => logs.put({ id: step, run }, i * 2, bytes(`${which}.`))))
  assert.deepEqual(await Promise.all(steps.map((step) => textOf(step))), ['0.'.repeat(20), '1.'.repeat(20)])
})

test('no step has more than max_step, and all together not more than max_total', async (t) => {
  const { logs, addStep, limits, textOf } = await openLogs(t)
  Object.assign(limits, { maxStepBytes: 10, maxTotalBytes: 15 })
  const step = await addStep()
  await logs.put({ id: step, run }, 0, bytes('12345678'))
  const refused = await logs.put({ id: step, run }, 8, bytes('abc'))
  assert.equal(refused.size, 8)
  assert.match(refused.full ?? '', /logs\.max_step/)
  const other = await addStep()
  await logs.put({ id: other, run }, 0, bytes('1234'))
  await assert.rejects(logs.put({ id: other, run }, 4, bytes('5678')), {
    code: 'disk_full',
    message: /logs\.max_total/,
  })
  assert.equal(await textOf(other), '1234')
})

test('where the policy keeps none, none is taken', async (t) => {
  const { logs, addStep, limits, textOf } = await openLogs(t)
  limits.keepSeconds = 0
  const step = await addStep()
  assert.match((await logs.put({ id: step, run }, 0, bytes('x'))).full ?? '', /logs\.keep/)
  assert.equal(await textOf(step), undefined)
})

test('what is older than the policy says is removed, and its row says so', async (t) => {
  const { logs, addStep, endStep, clock, textOf, row, folder } = await openLogs(t)
  const step = await addStep()
  await logs.put({ id: step, run }, 0, bytes('old'))
  await endStep(step)
  clock.aheadMs += pastGraceMs
  await logs.sweep()
  clock.aheadMs += 86_399_000
  await logs.sweep()
  assert.equal(await textOf(step), 'old')
  clock.aheadMs += 2_000
  await logs.sweep()
  assert.equal(await textOf(step), undefined)
  assert.equal(row(step)?.remove_reason, 'age')
  assert.deepEqual(sealedFiles(folder), [])
})

test('for want of room the oldest of the repository that has most go: a flood displaces its own', async (t) => {
  const { logs, addStep, endStep, clock, limits, textOf, row } = await openLogs(t)
  const noise = (step: StepId) =>
    Buffer.from(Array.from({ length: 100 }, (_, i) => sha256(`${step}${i}`)).join(''))
  const log = async (repository: string) => {
    const step = await addStep(repository)
    await logs.put({ id: step, run }, 0, noise(step))
    await endStep(step)
    clock.aheadMs += pastGraceMs
    await logs.sweep()
    return step
  }
  const quiet = await log('quiet')
  const flood = [await log('flood'), await log('flood'), await log('flood')]
  const stored = row(quiet)?.stored_bytes ?? 0
  limits.maxTotalBytes = stored * 3
  await logs.sweep()
  const left = await Promise.all([quiet, ...flood].map(async (step) => (await textOf(step)) !== undefined))
  assert.deepEqual(left, [true, false, false, true])
  assert.equal(row(flood[0] as StepId)?.remove_reason, 'space')
})

test('of two servers that sweep at once each log is sealed and removed by one', async (t) => {
  const counted: string[] = []
  const opened = await openLogs(t, {
    storage: (storage) => ({
      ...storage,
      seal(step) {
        counted.push(`seal ${step}`)
        return storage.seal(step)
      },
      remove(step, digest) {
        counted.push(`remove ${step}`)
        return storage.remove(step, digest)
      },
    }),
  })
  const { logs, addStep, endStep, clock, restart } = opened
  const other = await restart()
  const steps = await Promise.all(Array.from({ length: 5 }, () => addStep()))
  for (const step of steps) {
    await logs.put({ id: step, run }, 0, bytes(step))
    await endStep(step)
  }
  clock.aheadMs += pastGraceMs
  await Promise.all([logs.sweep(), other.sweep()])
  assert.deepEqual(counted.toSorted(), steps.map((step) => `seal ${step}`).toSorted())
  counted.length = 0
  clock.aheadMs += 90_000_000
  await Promise.all([logs.sweep(), other.sweep()])
  assert.deepEqual(counted.toSorted(), steps.map((step) => `remove ${step}`).toSorted())
})

test('killed in the middle of a piece: what is there counts, and the log goes on from it', async (t) => {
  const { logs, addStep, restart, folder } = await openLogs(t)
  const step = await addStep()
  await logs.put({ id: step, run }, 0, bytes('0123456789'))
  truncateSync(join(folder, 'logs', 'open', step), 7)
  const again = await restart()
  assert.deepEqual(await again.put({ id: step, run }, 10, bytes('abc')), { size: 7 })
  assert.deepEqual(await again.put({ id: step, run }, 7, bytes('789abc')), { size: 13 })
  assert.deepEqual(await again.digest(step), { bytes: 13, sha256: sha256('0123456789abc') })
})

test('killed at any point of sealing: it is sealed once, whole, and nothing else is taken for it', async (t) => {
  for (const killedAt of ['before the file', 'half of the file', 'before the row', 'before the drop']) {
    const opened = await openLogs(t, {
      storage: (storage) => ({
        ...storage,
        async seal(step) {
          if (killedAt === 'before the file') throw new Error('killed')
          if (killedAt === 'half of the file') {
            mkdirSync(join(opened.folder, 'logs', 'sealed'), { recursive: true })
            writeFileSync(join(opened.folder, 'logs', 'sealed', `${step}.1.part`), 'half')
            throw new Error('killed')
          }
          const made = await storage.seal(step)
          if (killedAt === 'before the row') throw new Error('killed')
          return made
        },
        async drop(step) {
          if (killedAt === 'before the drop') throw new Error('killed')
          await storage.drop(step)
        },
      }),
    })
    const { logs, addStep, endStep, clock, folder, textOf, row } = opened
    const step = await addStep()
    await logs.put({ id: step, run }, 0, bytes('all of it'))
    await endStep(step)
    clock.aheadMs += pastGraceMs
    await assert.rejects(logs.sweep(), /killed/)
    assert.equal(await textOf(step), 'all of it', killedAt)
    // The claim of the dead one lapses.
    clock.aheadMs += 121_000
    const { createFolderStorage, createStepLogs } = await import('./index.ts')
    const again = await createStepLogs({
      ...opened,
      storage: createFolderStorage(join(folder, 'logs')),
      limits: () => opened.limits,
    })
    await again.sweep()
    assert.equal(await textOf(step, 0, again), 'all of it', killedAt)
    assert.equal(row(step)?.sha256, sha256('all of it'))
    assert.equal(existsSync(join(folder, 'logs', 'open', step)), false, killedAt)
    assert.equal(sealedFiles(folder).length, 1, killedAt)
  }
})

test('people can have logs removed; one that still runs is left', async (t) => {
  const { logs, addStep, endStep, textOf, row, folder } = await openLogs(t)
  const [over, running] = [await addStep(), await addStep()]
  for (const step of [over, running]) await logs.put({ id: step, run }, 0, bytes('a name'))
  await endStep(over)
  assert.equal(await logs.remove([over, running]), 1)
  assert.equal(await textOf(over), undefined)
  assert.equal(row(over)?.remove_reason, 'erased')
  assert.equal(await textOf(running), 'a name')
  assert.deepEqual(sealedFiles(folder), [])
})

test('a sealed log is what zstd reads', async (t) => {
  if (spawnSync('zstd', ['--version']).status !== 0) return t.skip('no zstd here')
  const { logs, addStep, endStep, clock, folder } = await openLogs(t)
  const step = await addStep()
  await logs.put({ id: step, run }, 0, bytes('plain\n'))
  await endStep(step)
  clock.aheadMs += pastGraceMs
  await logs.sweep()
  const file = join(folder, 'logs', 'sealed', sealedFiles(folder)[0] ?? '')
  assert.equal(execFileSync('zstd', ['-dc', file], { encoding: 'utf8' }), 'plain\n')
})

test('a full disk: a piece is taken or refused with disk_full; what was taken stays, and room is used again', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root may mount a small tmpfs')
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-logs-full-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const script = join(import.meta.dirname, 'full-disk.fixture.ts')
  const mounted = `mount -t tmpfs -o size=2m none "$1" || exit 77; exec "$2" "$3" "$1"`
  const child = spawnSync('unshare', ['-m', 'sh', '-c', mounted, 'sh', folder, process.execPath, script], {
    encoding: 'utf8',
  })
  if (child.error !== undefined || child.status === 77 || child.stderr.startsWith('unshare:'))
    return t.skip('no private mount namespace or tmpfs here')
  assert.equal(child.status, 0, child.stderr)
  assert.deepEqual(JSON.parse(child.stdout), {
    refused: ['disk_full'],
    takenIsThere: true,
    digestHolds: true,
    wentOn: true,
    sealed: true,
  })
})

test('no id leads out of the folder', async (t) => {
  const { storage } = await openLogs(t)
  for (const id of ['stp_../../../../etc/x000', '../x', 'stp_0123', `stp_${'a'.repeat(24)}/..`])
    await assert.rejects(async () => storage.put(id as StepId, bytes('x')), MayflyError)
})
