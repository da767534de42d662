import { MayflyError } from '../../lib/index.ts'
import { awsStandIn } from '../../kinds/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import type { Keys } from './sigv4.ts'

/** Keys of a minted session, or the kept ones of a store that knows no sessions (`ACCESS_KEY_ID:SECRET_ACCESS_KEY`). */
export function keysOf({ fields, authorization }: Permit, connection: string): Keys {
  const field = (name: string) => fields?.[name]?.reveal()
  const [accessKeyId, secretAccessKey] = [field('access_key_id'), field('secret_access_key')]
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, sessionToken: field('session_token') }
  const pair = /^Basic (.+)$/.exec(authorization?.reveal() ?? '')?.[1]
  const [, id = '', secret = ''] =
    /^([\w-]{1,128}):(\S+)$/.exec(
      Buffer.from(pair ?? '', 'base64')
        .toString()
        .trim(),
    ) ?? []
  if (id === '')
    throw new MayflyError(
      'credential_failed',
      `connection "${connection}" has no keys to sign with: give it an aws-role, or basic with ACCESS_KEY_ID:SECRET_ACCESS_KEY`,
    )
  return { accessKeyId: id, secretAccessKey: secret }
}

/**
 * Roles that a step has assumed from here on: their credentials stay in the gateway, while the step runs, and the step gets a
 * stand-in for each, which names its connection, too.
 */
export interface HeldSessions {
  keep(exchange: Exchange, keys: Keys): string
  /** Whether the stand-in is the connection's, and the keys that it is for, if it is for a role that was assumed. */
  of(exchange: Exchange, accessKeyId: string): { readonly isOurs: boolean; readonly keys?: Keys }
}

const maxSessions = 100
const ofSession = /_SESSION(?<number>[0-9]{1,3})$/

export function createHeldSessions(): HeldSessions {
  const held = new WeakMap<object, { readonly connection: string; readonly keys: Keys }[]>()
  return {
    keep({ ofStep, connection }, keys) {
      const all = held.get(ofStep) ?? []
      held.set(ofStep, all)
      if (all.length >= maxSessions)
        throw new MayflyError(
          'limit_exceeded',
          `the step has assumed ${maxSessions} roles, no more are kept for it`,
        )
      all.push({ connection: connection.name, keys })
      return `${awsStandIn(connection.name).id}_SESSION${all.length}`
    },
    of({ ofStep, connection }, accessKeyId) {
      const number = ofSession.exec(accessKeyId)?.groups?.['number']
      if (number === undefined) return { isOurs: accessKeyId === awsStandIn(connection.name).id }
      const found = held.get(ofStep)?.[Number(number) - 1]
      const isOurs =
        found?.connection === connection.name && accessKeyId.startsWith(awsStandIn(connection.name).id)
      return isOurs && found !== undefined ? { isOurs, keys: found.keys } : { isOurs: false }
    },
  }
}

/** The stand-in of the connection itself that one is made from. */
export function firstStandIn(accessKeyId: string): string {
  return accessKeyId.replace(ofSession, '')
}
