/** So many at once, and so many that wait; what is more is told so. */
export function createTurns({ most, waiting }: { readonly most: number; readonly waiting: number }) {
  const queue: (() => void)[] = []
  let going = 0
  return {
    async take<T>(work: () => Promise<T>, full: () => T): Promise<T> {
      if (going >= most) {
        if (queue.length >= waiting) return full()
        await new Promise<void>((next) => queue.push(next))
      } else going++
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next === undefined) going--
        else next()
      }
    },
  }
}
