/** So many at once, and so many that wait. Whoever asks for much is served in turn with whoever asks for little. */
export interface Turns {
  /** `full` if too many wait. */
  take<T>(who: string, work: () => Promise<T>, full: () => T): Promise<T>
}

type Wake = (isMine: boolean) => void

export function createTurns({ most, waiting }: { readonly most: number; readonly waiting: number }): Turns {
  /** In the order in which they have their next turn. */
  const queues = new Map<string, Wake[]>()
  let [going, count] = [0, 0]

  function wait(who: string): Promise<boolean> {
    const mine = queues.get(who) ?? []
    if (count >= waiting && !takePlace(mine)) return Promise.resolve(false)
    count++
    if (mine.length === 0) queues.set(who, mine)
    return new Promise((wake) => mine.push(wake))
  }

  /** Of whoever has the most places one comes free for whoever has fewer: nobody takes all of them. */
  function takePlace(mine: readonly Wake[]): boolean {
    let longest: Wake[] = []
    for (const queue of queues.values()) if (queue.length > longest.length) longest = queue
    if (longest.length <= mine.length + 1) return false
    longest.pop()?.(false)
    count--
    return true
  }

  function next(): void {
    const [first] = queues
    if (first === undefined) return void going--
    const [who, queue] = first
    queues.delete(who)
    const wake = queue.shift()
    if (queue.length > 0) queues.set(who, queue)
    count--
    wake?.(true)
  }

  return {
    async take(who, work, full) {
      if (going < most) going++
      else if (!(await wait(who))) return full()
      try {
        return await work()
      } finally {
        next()
      }
    },
  }
}
