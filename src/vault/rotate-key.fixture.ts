/** Rotates the key of a store, and writes a byte to standard output after each batch: its parent kills it there. */
import { openStore } from '../store/index.ts'
import { createStoredRing, keyProviders, openRing } from './index.ts'
import { createKeyRotation } from './rotate-key.ts'

const [, , database = '', keyFile = ''] = process.argv
const clock = { nowMs: () => Date.now() }
const store = openStore(database)
const ring = createStoredRing(store)
await openRing({ store, ring, clock, keyFile, providers: keyProviders(keyFile) })
const rotation = createKeyRotation({ store, ring, clock })
for (;;) {
  await rotation.step()
  process.stdout.write('.')
}
