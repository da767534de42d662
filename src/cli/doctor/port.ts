import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { messageOf } from '../../lib/index.ts'
import type { Check, Finding } from './check.ts'

const ports = [7700, 7701, 7702]

/** On the server's machine: does it run, or could it have its ports? */
export const checkPort: Check = async ({ dataFolder }): Promise<Finding> => {
  const name = 'mayfly up'
  if (dataFolder === undefined || !existsSync(dataFolder))
    return { name, state: 'skip', says: 'no server has kept data on this machine' }
  const running = await runningAt(join(dataFolder, 'up.json'))
  if (running !== undefined) return { name, state: 'ok', says: `runs here: ${running}` }
  const taken: number[] = []
  for (const port of ports) if (!(await isFree(port))) taken.push(port)
  if (taken.length === 0) return { name, state: 'ok', says: 'does not run; its ports are free' }
  return {
    name,
    state: 'warn',
    says: `does not run, and others have its ports ${taken.join(', ')}`,
    mend: `ss -ltnp shows who; or choose others with --port, --gateway-port, --audit-port`,
  }
}

async function runningAt(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const { url, pid } = JSON.parse(readFileSync(file, 'utf8')) as { url: string; pid: number }
    process.kill(pid, 0)
    return `${url}, process ${pid}`
  } catch (error) {
    // Of another user it lives, too.
    return messageOf(error).includes('EPERM') ? 'as another user' : undefined
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
