import type { Exchange, Permit } from '../../exchange.ts'
import { isObject } from './answer.ts'
import type { Transfer } from './route.ts'

/**
 * Where an object really is: a URL that often has in it what is needed to read or write there, and headers that have. The
 * gateway keeps both, for the step that asked and as long as it runs; the step gets a path of ours in their place.
 */
export interface HeldAction {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly permit: Permit
  readonly size: number
  readonly expiresMs: number | undefined
}

export interface HeldActions {
  hold(exchange: Exchange, key: ActionKey, action: HeldAction): void
  of(exchange: Exchange, key: ActionKey): HeldAction | undefined
}

export interface ActionKey {
  readonly repository: string
  readonly oid: string
  readonly transfer: Transfer
}

/** Of one step, together; a client transfers what it was told before it asks for more. */
const maxBytes = 16_777_216

interface OfStep {
  readonly actions: Map<string, HeldAction>
  bytes: number
}

export function createHeldActions(): HeldActions {
  const steps = new WeakMap<object, OfStep>()
  const keyOf = ({ connection }: Exchange, { repository, oid, transfer }: ActionKey) =>
    `${connection.name} ${repository} ${oid} ${transfer}`

  return {
    hold(exchange, named, action) {
      const held = steps.get(exchange.ofStep) ?? { actions: new Map<string, HeldAction>(), bytes: 0 }
      steps.set(exchange.ofStep, held)
      const { actions } = held
      const drop = (key: string) => {
        const old = actions.get(key)
        actions.delete(key)
        held.bytes -= old === undefined ? 0 : bytesOf(old)
      }
      const key = keyOf(exchange, named)
      drop(key)
      actions.set(key, action)
      held.bytes += bytesOf(action)
      for (const oldest of actions.keys()) {
        if (held.bytes <= maxBytes || oldest === key) break
        drop(oldest)
      }
    },
    of: (exchange, key) => steps.get(exchange.ofStep)?.actions.get(keyOf(exchange, key)),
  }
}

function bytesOf({ url, headers }: HeldAction): number {
  return 500 + url.href.length + JSON.stringify(headers).length
}

/** How a message is read, and where it goes, is ours to say. */
const ours =
  /^(?:host|connection|content-length|content-encoding|transfer-encoding|te|trailer|upgrade|expect|keep-alive|range|accept-encoding|proxy-.*)$/

/** The headers of an action, in lower case; undefined if they are none that can be sent. */
export function readHeaders(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) return undefined
  const headers: Record<string, string> = {}
  const entries = Object.entries(value)
  if (entries.length > 50) return undefined
  for (const [name, text] of entries) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name)) return undefined
    if (typeof text !== 'string' || !/^[\x20-\x7e]{0,8192}$/.test(text)) return undefined
    if (!ours.test(name.toLowerCase())) headers[name.toLowerCase()] = text
  }
  return headers
}
