import type { Exchange, Permission } from './exchange.ts'

/** Permits once for a step what names no resource of a connection yet, and is read again and again. */
export type PermitOnce = (exchange: Exchange, action: string) => Promise<Permission>

export function createPermitOnce(): PermitOnce {
  const ofSteps = new WeakMap<object, Map<string, Promise<Permission>>>()
  return async (exchange, action) => {
    const known = ofSteps.get(exchange.ofStep) ?? new Map<string, Promise<Permission>>()
    ofSteps.set(exchange.ofStep, known)
    const { name: connection } = exchange.connection
    const key = `${action} ${connection}`
    const permitting =
      known.get(key) ?? exchange.permit({ action, connection, path: '' }, {}, { anyRef: true })
    known.set(key, permitting)
    // Who was refused asks anew, and is told by a request id of its own.
    let isGiven = false
    try {
      const permission = await permitting
      isGiven = permission.allow
      return permission
    } finally {
      if (!isGiven && known.get(key) === permitting) known.delete(key)
    }
  }
}
