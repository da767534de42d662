import type { Clock } from '../lib/index.ts'
import type { Broker } from '../broker/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { Alerts } from './alerts.ts'
import type { Records } from './records.ts'
import type { RotatorTools } from './rotator.ts'

/** What the states of a rotation work with. */
export interface MachineDeps {
  readonly store: Store
  readonly outbox: Broker['outbox']
  readonly vault: Vault
  readonly records: Records
  readonly alerts: Alerts
  readonly tools: RotatorTools
  readonly clock: Clock
  /** Steps that hold this version or an older one, down to `after`, which is not counted. */
  leasesOf(secret: string, version: number, after?: number): Promise<number>
}
