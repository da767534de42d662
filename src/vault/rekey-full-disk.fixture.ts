/** Fills the disk that holds the given folder, tries to rekey, frees it, and tells on stdout what happened. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError } from '../lib/index.ts'
import { openStore } from '../store/index.ts'
import { createStoredRing, createVaultKey, keyProviders, openRing, openSealed, seal } from './index.ts'
import { rekey } from './rekey.ts'

const folder = process.argv[2] ?? ''
const [file, keyFile, ballast] = ['mayfly.db', 'vault.key', 'ballast'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
]
const clock = { nowMs: () => Date.now() }
createVaultKey(keyFile)
const providers = keyProviders(keyFile)

async function open() {
  const store = openStore(file)
  const ring = createStoredRing(store)
  await openRing({ store, ring, clock, keyFile, providers })
  return { store, ring, providers, clock }
}

const one = await open()
const sealed = seal(one.ring, 'c', Buffer.from('kept'))
const opens = (ring: typeof one.ring) => openSealed(ring, 'c', sealed).reveal().toString() === 'kept'
// Whatever room there is, down to the last byte.
for (let bytes = 4096; bytes > 0; bytes = Math.floor(bytes / 8))
  try {
    for (let n = 0; ; n++) writeFileSync(`${ballast}-${bytes}-${n}`, Buffer.alloc(bytes))
  } catch {
    continue
  }
const refused = await rekey(one, 'key-file').then(
  () => 'nothing',
  (error: unknown) => (error instanceof MayflyError ? error.code : String(error)),
)
const opensBefore = opens(one.ring)
spare()
await one.store.close()
const two = await open()
const opensAfterRestart = opens(two.ring)
await rekey(two, 'key-file')
const thenWorks = opens(two.ring) && opens((await open()).ring)
process.stdout.write(JSON.stringify({ refused, opensBefore, opensAfterRestart, thenWorks }))

function spare(): void {
  for (let bytes = 4096; bytes > 0; bytes = Math.floor(bytes / 8))
    for (let n = 0; n < 1000; n++) rmSync(`${ballast}-${bytes}-${n}`, { force: true })
}
