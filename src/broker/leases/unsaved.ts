/** What is to be written down and could not be: in memory until the store can be written again, tried by every sweep. */
export interface Unsaved {
  /** Writes it, and remembers to if that fails; then throws what it threw. */
  write<T>(lease: string, work: () => Promise<T>): Promise<T>
  /** All of them, each lease's in its order. Throws what the first one throws that still fails. */
  again(): Promise<void>
}

export function createUnsaved(): Unsaved {
  /** In the order in which things happened to it. */
  const left = new Map<string, (() => Promise<unknown>)[]>()
  return {
    async write(lease, work) {
      try {
        return await work()
      } catch (error) {
        left.set(lease, [...(left.get(lease) ?? []), work])
        throw error
      }
    },
    async again() {
      const failed: unknown[] = []
      for (const [lease, works] of left)
        try {
          while (works[0] !== undefined) {
            await works[0]()
            works.shift()
          }
          left.delete(lease)
        } catch (error) {
          failed.push(error)
        }
      if (failed.length > 0) throw failed[0]
    },
  }
}
