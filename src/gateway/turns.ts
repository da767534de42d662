import type { Connection } from '../connections/index.ts'

/**
 * Publishes one thing at a time, for all steps of this gateway: the protocols cannot say "only if it is not there", so between the
 * question whether it is and the answer to its sending nobody else sends it. `work` tells whether it is there now; whoever had to
 * wait is told what came of the one before, since a registry may show what is new only later.
 */
export type Turns = (
  connection: Connection,
  thing: string,
  work: (isThere: boolean) => Promise<boolean>,
) => Promise<boolean>

export function createTurns(): Turns {
  const last = new Map<string, Promise<boolean>>()
  return ({ host, port, basePath }, thing, work) => {
    const key = `${host}:${port}${basePath} ${thing}`
    const before = last.get(key) ?? Promise.resolve(false)
    const turn = before.then(work, () => work(false))
    last.set(key, turn)
    const leave = () => last.get(key) === turn && last.delete(key)
    turn.then(leave, leave)
    return turn
  }
}
