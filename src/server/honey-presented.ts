import type { FastifyRequest } from 'fastify'
import type { AuditClient } from '../audit/client/index.ts'
import type { Honey } from '../honey/index.ts'
import { sha256Hex } from '../lib/index.ts'

/** A planted credential that somebody shows to our own API: from wherever they are, they have read it in that step. */
export interface HoneyPresented {
  /** Looks at a request that was refused; nobody waits for it. */
  look(request: Pick<FastifyRequest, 'headers' | 'body' | 'url' | 'ip' | 'id'>): void
}

/** All headers that Node takes, and a form's values, have room in it. */
const lookedAtChars = 65_536
/** From one place the same value is one touch, until so many others have come. */
const maxKnown = 10_000

export function createHoneyPresented({ honey, audit }: { honey: Honey; audit: AuditClient }): HoneyPresented {
  const known = new Set<string>()

  async function find(request: Parameters<HoneyPresented['look']>[0]): Promise<void> {
    const path = request.url.split('?')[0]
    for (const planted of await honey.find(textOf(request))) {
      const key = sha256Hex(JSON.stringify([planted.step, planted.place, path, request.ip]))
      if (known.has(key)) continue
      if (known.size >= maxKnown) known.clear()
      known.add(key)
      const data = { planted, how: 'presented', path, address: request.ip, request: request.id }
      await audit.append({ type: 'honey.touched', data }).catch((error: unknown) => {
        known.delete(key)
        throw error
      })
    }
  }

  return {
    look(request) {
      if (honey.config() !== undefined) find(request).catch(() => undefined)
    },
  }
}

function textOf({ headers, body, url }: Parameters<HoneyPresented['look']>[0]): string {
  const { authorization = '' } = headers
  const basic = /^Basic\s+(\S{4,4000})$/i.exec(authorization)?.[1] ?? ''
  const sent = typeof body === 'object' && body !== null && !Buffer.isBuffer(body) ? JSON.stringify(body) : ''
  // Whoever tries a credential does not know which header is read: X-Api-Key, Cookie, DPoP, Private-Token.
  const all = Object.values(headers).flat().join('\n')
  return [Buffer.from(basic, 'base64').toString('latin1'), url, all, sent].join('\n').slice(0, lookedAtChars)
}
