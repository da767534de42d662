/** Runs work of the same key one after the other, whatever becomes of it. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work)
    last.set(key, turn)
    const leave = () => last.get(key) === turn && last.delete(key)
    turn.then(leave, leave)
    return turn
  }
}
