/** Fills the disk that holds the given folder through a store, frees it, and tells on stdout what happened. */
import { rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { MayflyError } from '../lib/index.ts'
import { openStore } from './index.ts'

const folder = process.argv[2] ?? ''
const file = join(folder, 'mayfly.db')
const ballast = join(folder, 'ballast')
writeFileSync(ballast, Buffer.alloc(400_000))

const store = openStore(file)
/** Two rows that belong together. */
const pair = (n: number) =>
  store.write(async (tx) => {
    await tx
      .insertInto('meta')
      .values({ key: `${n}a`, value: 'x'.repeat(3000) })
      .execute()
    await tx
      .insertInto('meta')
      .values({ key: `${n}b`, value: 'x'.repeat(3000) })
      .execute()
  })

const written: number[] = []
const refused: number[] = []
const codes = new Set<string>()
// One by one until the disk is full, then many at once.
for (let n = 0; n < 400 && refused.length < 3; n++) await attempt(n)
await Promise.all(Array.from({ length: 50 }, (_, i) => attempt(1000 + i)))

async function attempt(n: number): Promise<void> {
  try {
    await pair(n)
    written.push(n)
  } catch (error) {
    refused.push(n)
    codes.add(error instanceof MayflyError ? error.code : String(error))
  }
}

await store.tryAgain()
const health = store.health()
const keys = async () =>
  new Set((await store.read.selectFrom('meta').select('key').execute()).map(({ key }) => key))
const whileFull = await keys()
rmSync(ballast)
await store.tryAgain()
const foundByItself = store.health().ok
const afterSpace = await pair(5000).then(
  () => true,
  () => false,
)
const healthAfter = store.health().ok
await store.close()

const again = openStore(file)
const afterRestart =
  (await again.read.selectFrom('meta').select('key').where('key', '=', '5000b').execute()).length === 1
await again.close()
const database = new DatabaseSync(file)
const integrity = database.prepare('PRAGMA integrity_check').get()?.['integrity_check']
database.close()

process.stdout.write(
  JSON.stringify({
    refused: [...codes],
    someWereWritten: written.length > 0 && refused.length > 0,
    healthWhileFull: health.ok,
    reasonNamesTheDisk: !health.ok && /disk/.test(health.reason),
    everyPairIsWhole: [...written, ...refused].every(
      (n) => whileFull.has(`${n}a`) === whileFull.has(`${n}b`),
    ),
    writtenAreThere: written.every((n) => whileFull.has(`${n}a`)),
    refusedAreNot: refused.every((n) => !whileFull.has(`${n}a`)),
    readsWhileFull: whileFull.size > 0,
    foundByItself,
    afterSpace,
    healthAfter,
    afterRestart,
    integrity,
  }),
)
