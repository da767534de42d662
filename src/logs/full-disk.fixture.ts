/** Fills the disk that holds the given folder with a step's log, frees it, and tells on stdout what happened. */
import { createHash, randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { MayflyError, type RunId } from '../lib/index.ts'
import { openLogs } from './logs.fixture.ts'

const folder = process.argv[2] ?? ''
const ballast = join(folder, 'ballast')
const ends: (() => Promise<void>)[] = []
const { logs, addStep, endStep, clock, limits, row } = await openLogs(
  { after: (end: () => Promise<void>) => void ends.push(end) },
  { folder },
)
Object.assign(limits, { maxTotalBytes: 1e9, maxStepBytes: 1e9 })
const step = await addStep()
writeFileSync(ballast, Buffer.alloc(500_000))

const piece = randomBytes(30_000)
const run = 'run_1' as RunId
const taken: Buffer[] = []
const refused = new Set<string>()
let size = 0

async function put(): Promise<void> {
  try {
    const now = (await logs.put({ id: step, run }, size, piece)).size
    if (now === size + piece.length) taken.push(piece)
    size = now
  } catch (error) {
    refused.add(error instanceof MayflyError ? error.code : String(error))
  }
}

for (let i = 0; i < 40 && refused.size === 0; i++) await put()
rmSync(ballast)
// A part of the piece that was refused may be there; from its end it goes on, as a runner does.
const { size: partly } = await logs.put({ id: step, run }, size + 1, piece)
taken.push(piece.subarray(0, partly - size))
size = partly
const before = taken.length
await put()
const all = Buffer.concat(taken)
const sha256 = createHash('sha256').update(all).digest('hex')
const digest = await logs.digest(step)
const read = await logs.read(step, 0)
const there = read === undefined ? Buffer.alloc(0) : await buffer(read)
await endStep(step)
clock.aheadMs += 11_000
await logs.sweep()
process.stdout.write(
  JSON.stringify({
    refused: [...refused],
    takenIsThere: there.equals(all),
    digestHolds: digest?.sha256 === sha256,
    wentOn: taken.length === before + 1,
    sealed: row(step)?.sha256 === sha256,
  }),
)
for (const end of ends) await end()
