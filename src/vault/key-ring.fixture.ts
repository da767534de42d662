import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Secret } from '../lib/index.ts'
import { openStore, type Store } from '../store/index.ts'
import { createStoredRing, createVaultKey, openRing, keyProviders, type KeyProvider } from './index.ts'

/** A folder, a key file and a store in it; `server` is one more server of that store, its ring open if it could be. */
export function ringSetup(t: TestContext, { keyFile = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-ring-'))
  const file = join(folder, 'vault.key')
  if (keyFile) createVaultKey(file)
  const clock = { ms: 1_000_000, nowMs: () => clock.ms }
  const stores: Store[] = []
  t.after(async () => {
    for (const store of stores) await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const database = join(folder, 'mayfly.db')
  const open = () => {
    const store = openStore(database)
    stores.push(store)
    return store
  }
  return {
    folder,
    database,
    keyFile: file,
    clock,
    open,
    async server(use?: string, providers: Record<string, KeyProvider> = {}, passphrase?: Secret) {
      const store = open()
      const ring = createStoredRing(store)
      const deps = {
        ...{ store, ring, clock, keyFile: file },
        providers: keyProviders(
          file,
          use === undefined ? undefined : { use, providers: new Map(Object.entries(providers)) },
        ),
      }
      await openRing(deps, passphrase)
      return deps
    },
  }
}
