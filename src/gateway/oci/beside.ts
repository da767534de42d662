import { MayflyError, type Clock } from '../../lib/index.ts'
import { nextQuery, type ReadPart } from '../../images/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { pullScope } from './permission.ts'
import { followed, urlOn } from './places.ts'
import { openRegistry, type Registry } from './registry.ts'

type Access = Pick<Exchange, 'connection' | 'send' | 'sendTo' | 'notTaken' | 'read'>

/** A registry as the gateway itself asks it, for a step. */
export interface OwnRegistry {
  readonly exchange: Access
  readonly registry: Registry
}

export function openOwnRegistry(exchange: Access, clock: Clock): OwnRegistry {
  return { exchange, registry: openRegistry(exchange, { challenge: undefined, tokens: new Map() }, clock) }
}

/** Undefined for all that is no 200, and for what the registry sends us elsewhere for. Throws `upstream_unreachable`, `limit_exceeded`. */
export function readerOf(own: OwnRegistry, permit: Permit, repository: string): ReadPart {
  return async (part, accept, maxBytes) => {
    const path = `/${repository}/${part}`
    try {
      const answer = await followed(own, permit, [pullScope(repository)], { method: 'GET', path, accept })
      if (answer.statusCode !== 200) {
        discard(answer)
        return undefined
      }
      const bytes = await own.exchange.read(answer, maxBytes)
      const { 'content-type': type = '', link } = answer.headers
      const here = urlOn(own.exchange.connection, path)
      if (bytes === undefined)
        throw new MayflyError('limit_exceeded', `${part} is longer than ${maxBytes} bytes, or broke off`)
      return { bytes, type, next: nextQuery(link, here) }
    } catch (error) {
      if (error instanceof MayflyError && error.code === 'denied') return undefined
      throw error
    }
  }
}
