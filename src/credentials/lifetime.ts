import { durationSeconds } from '../config/index.ts'
import type { MintRequest } from './issuer.ts'

/** How long a credential is needed, and no longer than its configuration allows. Milliseconds. */
export function lifetimeMs({
  ttlSeconds,
  config,
}: Pick<MintRequest, 'ttlSeconds'> & { readonly config: { readonly ttl?: string | undefined } }): number {
  const most = config.ttl === undefined ? ttlSeconds : durationSeconds(config.ttl)
  return Math.max(1, Math.min(ttlSeconds, most)) * 1000
}
