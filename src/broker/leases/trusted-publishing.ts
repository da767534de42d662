import type { Connection } from '../../connections/index.ts'
import type { Ender } from './held.ts'

export const trustedPublishing = 'trusted_publishing'

/** What a registry gave for the identity of the job: the gateway has it, and no registry takes it back before its time. */
export const registryTokens: Ender = { revoke: async () => 'nothing_to_do' }

export function registryTokenPlan({ name, kind, url, host, port, tls, dial, ca }: Connection): string {
  const connection = { name, kind, url, host, port, tls, dial, ca }
  return JSON.stringify({ issuer: trustedPublishing, connection, config: null, plan: null })
}
