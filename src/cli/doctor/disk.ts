import { existsSync, statfsSync } from 'node:fs'
import type { Check } from './check.ts'

const leastBytes = 128 * 1_048_576
const fewBytes = 1024 * 1_048_576

/** On the server's machine: a full disk stops everything that would have to be recorded. */
export const checkDisk: Check = async ({ dataFolder }) => {
  const name = 'disk'
  if (dataFolder === undefined || !existsSync(dataFolder))
    return { name, state: 'skip', says: 'no server has kept data on this machine' }
  const { bavail, bsize } = statfsSync(dataFolder)
  const free = bavail * bsize
  const says = `${Math.floor(free / 1_048_576)} MiB free for ${dataFolder}`
  const mend = 'make room: nothing is issued once the log or the store cannot be written'
  if (free < leastBytes) return { name, state: 'fail', says, mend }
  return free < fewBytes ? { name, state: 'warn', says, mend } : { name, state: 'ok', says }
}
