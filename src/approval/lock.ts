/** Runs work on one id, one after the other. */
export type Exclusively = <T>(id: string, work: () => Promise<T>) => Promise<T>

/** One at a time for each request: two who approve at once see each other. */
export function createLocks(): Exclusively {
  const tails = new Map<string, Promise<unknown>>()
  return async (id, work) => {
    const before = tails.get(id) ?? Promise.resolve()
    const mine = before.then(work, work)
    const tail = mine.catch(() => undefined)
    tails.set(id, tail)
    try {
      return await mine
    } finally {
      if (tails.get(id) === tail) tails.delete(id)
    }
  }
}
