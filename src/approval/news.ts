/** Wakes whoever waits for something to change, by its id. In this process: what changed stands in the store. */
export interface News {
  /** Resolves when the next is told; asked for before the store is read, so that nothing falls between. */
  next(id: string): Promise<void>
  tell(id: string): void
  tellAll(): void
}

export function createNews(): News {
  const waiting = new Map<string, { readonly told: Promise<void>; readonly tell: () => void }>()
  const tell = (id: string) => {
    waiting.get(id)?.tell()
    waiting.delete(id)
  }
  return {
    next(id) {
      const known = waiting.get(id)
      if (known !== undefined) return known.told
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.set(id, { told: promise, tell: resolve })
      return promise
    },
    tell,
    tellAll() {
      for (const id of [...waiting.keys()]) tell(id)
    },
  }
}
