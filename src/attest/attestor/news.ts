/** Wakes those who wait for something to be signed. */
export function createNews(): {
  tell(): void
  /** Resolves when there is news, or after so long. */
  next(waitMs: number): Promise<void>
  close(): void
} {
  const waiting = new Set<() => void>()
  const tell = () => {
    for (const wake of waiting) wake()
  }
  return {
    tell,
    close: tell,
    next: (waitMs) =>
      new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, waitMs)
        waiting.add(wake)
      }),
  }
}
