import { messageOf } from '../lib/index.ts'
import type { Broker } from '../broker/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Store } from '../store/index.ts'
import { rolesToAskAgain } from './standing.ts'

interface OutdatedDeps {
  readonly rules: RulesHolder
  readonly broker: Broker
  readonly log: { error(fields: object, message: string): void }
}

/** Sessions in a role end once people must be asked for it anew. */
export function endUnapproved(deps: OutdatedDeps): void {
  deps.rules.onChange((before, after) => endAll(deps, rolesToAskAgain(before, after)))
}

/** Those that a server which was stopped right after a policy was applied has left: ended before the first request. */
export async function endLeftUnapproved(deps: OutdatedDeps & { readonly store: Store }): Promise<void> {
  const { rules, store } = deps
  const change = rules.lastChange
  if (change === undefined || !rules.loaded) return
  const left = await store.read
    .selectFrom('sessions')
    .select('id')
    .where('ended_ms', 'is', null)
    .where('created_ms', '<', change.appliedMs)
    .limit(1)
    .execute()
  // Compiling a policy takes its time, and sessions are short.
  if (left.length === 0) return
  await endAll(deps, rolesToAskAgain(await change.before(), rules.current()), change.appliedMs)
}

async function endAll(
  { broker, log }: OutdatedDeps,
  roles: readonly string[],
  openedBeforeMs?: number,
): Promise<void> {
  for (const role of roles)
    await broker
      .revoke({ role, ...(openedBeforeMs === undefined ? {} : { openedBeforeMs }) }, 'approval_outdated')
      .catch((error: unknown) =>
        // The gates are closed by then; the sweep writes it.
        log.error({ role, error: messageOf(error) }, 'ending sessions whose approval is outdated failed'),
      )
}
