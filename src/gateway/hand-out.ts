import { MayflyError, TryLater, limits, type Secret } from '../lib/index.ts'
import type { Broker, Step } from '../broker/index.ts'
import {
  allFields,
  isMinted,
  renderDelivery,
  type Connection,
  type Rendered,
  type Targets,
} from '../connections/index.ts'
import { credentialAction } from '../kinds/index.ts'
import type { Policy } from '../policy/index.ts'
import type { Gatekeeper } from './permit.ts'

/** A credential that the step itself is given. */
export interface HandedOut {
  readonly connection: Connection
  /** All that there is of it, by name. */
  readonly fields: Readonly<Record<string, Secret>>
  readonly rendered: Secret<Rendered>
  readonly expiresMs: number
}

/**
 * `home`: where the step finds its files; `only`: one connection, if not all that its role hands out; `refused`: its host took no
 * more what was handed out before.
 */
export type HandOut = (step: Step, home: string, only?: string, refused?: boolean) => Promise<HandedOut[]>

export interface HandOuts {
  readonly handOut: HandOut
  /** Something that the step was handed is dead, and it has not asked since. */
  hasEnded(step: Step): boolean
  /** Called the moment that this is so. */
  onEnd(listener: (step: Step) => void): void
}

/**
 * Hands out what a step's role has been granted by `KIND:credential`, by the one way to a credential: policy, lease, receipt. Only
 * what is made for the step; what is kept in the vault goes to nobody, however the policy came to be in force.
 */
export function createHandOuts(deps: {
  policy: () => Policy
  targets: () => Targets
  broker: Pick<Broker, 'lease' | 'onLeaseEnd' | 'refusedByTool'>
  gatekeeper: Pick<Gatekeeper, 'permit'>
}): HandOuts {
  const asked = new WeakMap<Step, number>()
  const given = new WeakMap<Step, Set<string>>()
  const ended = new WeakSet<Step>()
  const listeners: ((step: Step) => void)[] = []
  deps.broker.onLeaseEnd((step, connection) => {
    if (given.get(step)?.has(connection) !== true) return
    ended.add(step)
    for (const listener of listeners) listener(step)
  })

  async function handOver(
    step: Step,
    connection: Connection,
    source: string,
    home: string,
  ): Promise<HandedOut> {
    const { name, kind, credential, deliver } = connection
    const action = credentialAction(kind)
    if (credential === undefined || !isMinted(credential) || deliver === undefined || action === undefined)
      throw new MayflyError(
        'denied',
        `${source}: connection "${name}" has nothing that is made for a step and handed to it`,
      )
    const operation = { action, connection: name, path: '' }
    const detail = { delivered: { env: Object.keys(deliver.env), files: Object.keys(deliver.files) } }
    const permission = await deps.gatekeeper.permit(step, connection, [operation], detail, false)
    if (!permission.allow) {
      const { message, retryAfterSeconds } = permission
      // Whoever shows it writes whose message it is.
      const why = message.replace(/^mayfly: /, '')
      throw retryAfterSeconds === undefined
        ? new MayflyError('denied', why)
        : new TryLater(why, retryAfterSeconds * 1000)
    }
    // The same lease: it was made, and recorded, a moment ago.
    const { fields, expiresMs } = await deps.broker.lease(step, connection, source)
    if (fields === undefined)
      throw new MayflyError('credential_failed', `connection "${name}": its issuer gives nothing to hand out`)
    return {
      connection,
      fields: allFields(fields),
      rendered: renderDelivery({ name, deliver }, fields, home),
      expiresMs,
    }
  }

  const handOut: HandOut = async (step, home, only, refused = false) => {
    const count = (asked.get(step) ?? 0) + 1
    asked.set(step, count)
    if (count > limits.handOutsPerStep)
      throw new MayflyError(
        'limit_exceeded',
        `the step has asked for its credentials ${limits.handOutsPerStep} times: a longer ttl of the credential needs fewer`,
      )
    // What ends from here on is said again.
    if (only === undefined) ended.delete(step)
    const grants = deps.policy().roles.get(step.role)?.grants ?? []
    const handed: HandedOut[] = []
    for (const connection of deps.targets().connections) {
      if (only !== undefined && connection.name !== only) continue
      const grant = grants.find(
        (one) => one.connection === connection.name && one.action === credentialAction(connection.kind),
      )
      if (grant === undefined) continue
      if (refused) deps.broker.refusedByTool(step, connection)
      given.set(step, (given.get(step) ?? new Set()).add(connection.name))
      handed.push(await handOver(step, connection, grant.source, home))
    }
    // The step may have ended meanwhile.
    if (step.endReason !== undefined)
      throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
    return handed
  }

  return { handOut, hasEnded: (step) => ended.has(step), onEnd: (listener) => void listeners.push(listener) }
}
