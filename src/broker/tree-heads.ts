import { upsertRow, type Store } from '../store/index.ts'

/** What a transparency log had signed last of all that a step was shown of it. */
export interface TreeHead {
  readonly size: number
  /** Base64. */
  readonly root: string
  /** As it was signed. */
  readonly note: string
}

/** The newest tree head of each transparency log of a registry: once, for all servers on the store, and past a restart. */
export interface StoredTreeHeads {
  /** `log`: its verifier key. */
  newest(log: string): Promise<TreeHead | undefined>
  /**
   * Puts `to` in the place of `from` (undefined: of none), for whoever has found that it goes on from there. Returns what is the
   * newest then: another one, if somebody was faster. Durable when it resolves.
   */
  advance(log: string, from: TreeHead | undefined, to: TreeHead): Promise<TreeHead>
}

export function createStoredTreeHeads({ store }: { store: Store }): StoredTreeHeads {
  return {
    async newest(log) {
      const known = store.find('tree_heads', { log })
      // Readers see a row before the disk has it.
      if (known !== undefined) await store.confirmed()
      return known === undefined ? undefined : headOf(known)
    },
    advance: (log, from, to) =>
      store.write(async (tables, run) => {
        const before = await tables
          .selectFrom('tree_heads')
          .selectAll()
          .where('log', '=', log)
          .executeTakeFirst()
        if (before !== undefined && (before.size !== from?.size || before.root !== from.root))
          return headOf(before)
        const { size, root, note } = to
        run(upsertRow('tree_heads', 'log', { log, size, root, note }))
        return to
      }),
  }
}

function headOf({ size, root, note }: TreeHead): TreeHead {
  return { size, root, note }
}
