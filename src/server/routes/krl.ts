import { z } from 'zod'
import { MayflyError, type Clock } from '../../lib/index.ts'
import { emptyRevocationList, revocationList } from '../../broker/index.ts'
import type { RulesHolder } from '../../rules/index.ts'
import type { Store } from '../../store/index.ts'
import type { Route } from '../route.ts'

export function krlRoutes({
  store,
  rules,
  clock,
}: {
  store: Store
  rules: RulesHolder
  clock: Clock
}): Route[] {
  const isConfigured = (name: string) =>
    rules.loaded &&
    rules
      .current()
      .compiled.targets.connections.some(
        ({ credential }) => credential?.scheme === 'ssh-certificate' && credential.config.krl === name,
      )
  return [
    {
      method: 'GET',
      path: '/v1/krl/:name',
      summary:
        'Serial numbers of SSH certificates that are not to be taken any more, as sshd reads them (RevokedKeys)',
      // Hosts fetch it, and it says nothing but numbers.
      auth: 'none',
      response: z.any(),
      responseType: 'bytes',
      async handle(call) {
        const name = call.params['name'] ?? ''
        const list = await revocationList(store, name, clock)
        if (list !== undefined) return list
        if (isConfigured(name)) return emptyRevocationList(clock)
        // An empty list here would let every certificate in that another name revokes.
        throw new MayflyError(
          'not_found',
          'there is no such list: is it the name that `krl` has in mayfly.yaml?',
        )
      },
    },
  ]
}
