import { isIndex, parseObject } from './log-answer.ts'
import type { LogKeys } from './log.ts'

/** With the authorities of timestamps that were replaced. */
export interface AllLogKeys extends LogKeys {
  readonly timestampChains: readonly {
    readonly chain: readonly string[]
    readonly sinceMs: number
    readonly untilMs?: number
  }[]
}

const maxChains = 100
const pem = /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]{1,8192}\n-----END CERTIFICATE-----\n$/

/** What `GET /attestations/keys` says; `undefined` when malformed. */
export function parseLogKeys(body: string): AllLogKeys | undefined {
  const { origin, verifierKey, sinceMs, timestampChains, nextTimestampChain } = parseObject(body) ?? {}
  if (typeof origin !== 'string' || typeof verifierKey !== 'string' || !isIndex(sinceMs)) return undefined
  if (!Array.isArray(timestampChains) || timestampChains.length > maxChains) return undefined
  const chains = (timestampChains as unknown[]).map(chainIn)
  const newest = chains.at(-1)
  if (newest === undefined || chains.includes(undefined)) return undefined
  const next = nextTimestampChain === undefined ? undefined : chainIn(nextTimestampChain)
  if (nextTimestampChain !== undefined && next === undefined) return undefined
  return {
    ...{ origin, verifierKey, sinceMs, timestampChain: newest.chain },
    ...(next === undefined ? {} : { nextTimestampChain: { chain: next.chain, sinceMs: next.sinceMs } }),
    timestampChains: chains as AllLogKeys['timestampChains'],
  }
}

function chainIn(one: unknown): AllLogKeys['timestampChains'][number] | undefined {
  if (typeof one !== 'object' || one === null) return undefined
  const { chain, sinceMs, untilMs } = one as Record<string, unknown>
  if (!Array.isArray(chain) || chain.length > 8 || !isIndex(sinceMs)) return undefined
  if (!(chain as unknown[]).every((text) => typeof text === 'string' && pem.test(text))) return undefined
  if (untilMs !== undefined && !isIndex(untilMs)) return undefined
  return { chain: chain as string[], sinceMs, ...(untilMs === undefined ? {} : { untilMs }) }
}
