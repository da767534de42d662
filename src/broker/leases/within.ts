/** Calls back after so many milliseconds, unless what it returns is called before. */
export type After = (ms: number, callback: () => void) => () => void

export const systemAfter: After = (ms, callback) => {
  const timer = setTimeout(callback, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

/** What `work` gives, or throws what `late` makes once the time is over. The work itself goes on: nobody can call it back. */
export function within<T>(after: After, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const cancel = after(ms, () => reject(late()))
  work.then(resolve, reject).finally(cancel)
  return promise
}
