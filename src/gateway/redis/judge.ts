import { redisPath } from '../../kinds/index.ts'
import type { Permission } from '../exchange.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import type { KeyOperation } from './commands.ts'
import { createWayGiver } from './give-way.ts'

/** What is decided of a step's commands; each returns why not, for the step, or undefined. */
export interface Judge {
  keys(operations: readonly KeyOperation[], command: string): Promise<string | undefined>
  /** What no key tells. */
  admin(command: string): Promise<string | undefined>
}

/** Decisions that are remembered of one connection while the policy is the same: a loop asks for the same keys again. */
const remembered = 10_000

export function createJudge(stream: StreamExchange): Judge {
  const connection = stream.connection.name
  const known = new Map<string, Permission>()
  const giveWay = createWayGiver()
  let policy = stream.policy()

  async function asked(action: string, path: string, command: string): Promise<Permission> {
    await giveWay()
    const inForce = stream.policy()
    if (inForce !== policy || known.size >= remembered) known.clear()
    policy = inForce
    const key = `${action} ${path}`
    const before = known.get(key)
    if (before !== undefined) return before
    const permission = await stream.permitByGrant({ action, connection, path }, { command })
    // What was refused may be allowed the next time: a person was asked, or the log was away.
    const isLasting = permission.allow && permission.once !== true
    if (inForce === stream.policy() && isLasting) known.set(key, permission)
    return permission
  }

  async function admin(command: string): Promise<string | undefined> {
    const permission = await asked('redis:admin', '', command)
    return permission.allow ? undefined : permission.message
  }

  return {
    admin,
    async keys(operations, command) {
      for (const { action, key } of operations) {
        const permission = await asked(action, key === undefined ? '' : redisPath(key), command)
        if (permission.allow) continue
        // Whoever may do anything there may do this.
        if (stream.would({ action: 'redis:admin', connection, path: '' })) return admin(command)
        return permission.message
      }
      return undefined
    },
  }
}
