import type { EgressGuard } from '../gateway/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import { MayflyError } from '../lib/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { LivenessDeps } from '../scan/liveness/index.ts'

export function connectionOf(rules: RulesHolder, name: string) {
  return rules.loaded ? rules.current().targets.connections.find((one) => one.name === name) : undefined
}

/**
 * Asks vendors by the gateway's own way out: by the company's proxy where there is one, at public addresses alone; what a connection names
 * may be a private one.
 */
export function createVendorAsk(deps: {
  readonly guard: EgressGuard
  readonly rules: RulesHolder
}): LivenessDeps['ask'] {
  const { guard, rules } = deps
  const vendors = createHttpClient({ tunnel: (host, port) => guard.dial({ host, port }) })
  return async (question, name) => {
    if (name === undefined) return await vendors.ask(question)
    const connection = connectionOf(rules, name)
    if (connection === undefined) throw new MayflyError('denied', `there is no connection "${name}" any more`)
    const { ca, dial } = connection
    const there = createHttpClient({ tunnel: (host, port) => guard.dial({ host, port, connection }) })
    return await there.ask({ ...question, ca, dial })
  }
}
