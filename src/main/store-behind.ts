import type { Since } from '../audit/client/index.ts'
import type { MissedCompromise } from '../rotation/index.ts'
import type { Store } from '../store/index.ts'

/** Each of these is written by the transaction that does it: a store that lacks what they say is older than the log. */
export const tellingTypes: ReadonlySet<string> = new Set([
  'secret.compromised',
  'secret.rotated',
  'vault.rotated',
])

/** What the log knows and the store does not, however little time is between them. */
export interface Behind {
  readonly isBehind: boolean
  readonly compromised: readonly MissedCompromise[]
}

export function whatIsBehind(store: Store, kept: Since['kept']): Behind {
  const compromised = kept.flatMap((one) => missedIn(store, one) ?? [])
  const isBehind = compromised.length > 0 || kept.some((one) => lacks(store, one))
  return { isBehind, compromised }
}

type Entry = Since['kept'][number]

function missedIn(store: Store, { type, data }: Entry): MissedCompromise | undefined {
  const { secret, version, compromise: id, reason } = data
  if (type !== 'secret.compromised' || typeof secret !== 'string' || typeof version !== 'number')
    return undefined
  const known = store.find('secret_names', { name: secret })
  if (known === undefined || known.compromised_version >= version || typeof id !== 'string') return undefined
  return { id, secret, version, reason: typeof reason === 'string' ? reason : null }
}

function lacks(store: Store, { type, data }: Entry): boolean {
  const { secret: name, to: version, key: id } = data
  if (type === 'secret.rotated' && typeof name === 'string' && typeof version === 'number')
    return (
      store.find('secret_names', { name }) !== undefined &&
      store.find('secrets', { name, version }) === undefined
    )
  return type === 'vault.rotated' && typeof id === 'number' && store.find('vault_keys', { id }) === undefined
}
