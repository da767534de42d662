import { MayflyError } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import { readTarget, type Target } from './target.ts'

/** An upload that a step has begun (Cloud Storage, "Resumable uploads"). */
export interface Upload {
  readonly connection: string
  readonly host: string
  /** `bucket/object`. */
  readonly resource: string
  /** With the id that Google gave it. */
  readonly target: Target
}

/**
 * The address of an upload is a credential: whoever has it may write that object for a week, without any other. It stays in the
 * gateway while the step runs; the step gets one that stands for it.
 */
export interface HeldUploads {
  /** The address for the step, of one that Google gave; undefined for what is none. */
  keep(exchange: Exchange, resource: string, location: string): string | undefined
  of(exchange: Exchange, id: string): Upload | undefined
}

const maxUploads = 10_000

export function createHeldUploads(): HeldUploads {
  const held = new WeakMap<object, Upload[]>()
  return {
    keep({ ofStep, connection, asked, request }, resource, location) {
      const url = URL.canParse(location, asked.url) ? new URL(location, asked.url) : undefined
      const target = url === undefined ? undefined : readTarget(url.pathname, url.search.slice(1))
      if (target === undefined || typeof target === 'string') return undefined
      if (target.query.filter(([name]) => name === 'upload_id').length !== 1) return undefined
      const all = held.get(ofStep) ?? []
      held.set(ofStep, all)
      if (all.length >= maxUploads)
        throw new MayflyError(
          'limit_exceeded',
          `the step has begun ${maxUploads} uploads, no more are kept for it`,
        )
      all.push({ connection: connection.name, host: asked.host, resource, target })
      const scheme = asked.tls ? 'https' : 'http'
      const type = target.query.some(([name]) => name === 'uploadType') ? 'uploadType=resumable&' : ''
      return `${scheme}://${request.headers.host ?? asked.host}${url?.pathname}?${type}upload_id=mayfly-${all.length}`
    },
    of({ ofStep, connection, asked }, id) {
      const number = /^mayfly-([1-9][0-9]{0,5})$/.exec(id)?.[1]
      const found = number === undefined ? undefined : held.get(ofStep)?.[Number(number) - 1]
      return found?.connection === connection.name && found.host === asked.host ? found : undefined
    },
  }
}
