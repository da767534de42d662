import { MayflyError, Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { KeyRing } from './envelope.ts'
import { createStateReader, unwrapRingKey, type RingState } from './ring-records.ts'

/** The ring of a store. The root stays in this process's memory while the vault is open; other keys are unwrapped as they are met. */
export interface StoredRing extends KeyRing {
  /** From here on it is open, if the state in the store says so, too. */
  use(root: { readonly id: string; readonly key: Buffer }): void
  /** Overwrites the keys in memory. `why` is told to whoever asks for one. */
  forget(why: string): void
  /** The root in use. Throws `vault_sealed`. */
  root(): { readonly id: string; readonly key: Buffer }
  /** Why nothing can be issued; nothing if it can. */
  closed(): string | undefined
  state(): RingState | undefined
  /** It should be open, and this process has not the root that wraps the keys now. */
  lacksRoot(): boolean
}

const notOpenYet = 'the vault is sealed'

export function createStoredRing(store: Store): StoredRing {
  const state = createStateReader(store)
  const keys = new Map<number, Buffer>()
  let root: { readonly id: string; readonly key: Buffer } | undefined
  let reason = notOpenYet

  function forget(why: string): void {
    for (const key of [...keys.values(), ...(root === undefined ? [] : [root.key])]) key.fill(0)
    keys.clear()
    root = undefined
    reason = why
  }

  /** In every server at once: the state is in the store. */
  function opened(): RingState {
    const now = state()
    if (now?.state === 'sealed' && root !== undefined) forget(sealedByOperator)
    if (now === undefined || root === undefined) throw sealed(reason)
    return now
  }

  function key(id: number): Buffer {
    const now = opened()
    const known = keys.get(id)
    if (known !== undefined) return known
    const row = store.find('vault_keys', { id })
    if (row === undefined) throw new MayflyError('vault_key', `the vault has no key ${id}: restore the store`)
    if (root?.id !== now.root || root === undefined)
      throw sealed('its keys have been wrapped anew, and this server fetches the new root')
    const found = unwrapRingKey(root.key, id, row.wrapped)
    keys.set(id, found)
    return found
  }

  return {
    newest() {
      const id = opened().newest
      return { id, key: new Secret(key(id)) }
    },
    key: (id) => new Secret(key(id)),
    use(given) {
      if (root !== undefined && root.key !== given.key) root.key.fill(0)
      root = given
      reason = notOpenYet
    },
    forget,
    root() {
      opened()
      if (root === undefined) throw sealed(reason)
      return root
    },
    closed() {
      const now = state()
      if (now?.state === 'sealed') return sealedByOperator
      if (now?.state === 'sealing') return 'the vault is being sealed'
      return root === undefined ? reason : undefined
    },
    state,
    lacksRoot() {
      const now = state()
      return now?.state !== 'sealed' && (root === undefined || root.id !== now?.root)
    },
  }
}

const sealedByOperator = 'an operator sealed the vault'

function sealed(why: string): MayflyError {
  return new MayflyError('vault_sealed', `${why}: mayfly vault unseal`)
}
