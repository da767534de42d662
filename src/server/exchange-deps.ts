import type { Clock } from '../lib/index.ts'
import type { Approvals } from '../approval/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { AccessTokens, Broker } from '../broker/index.ts'
import type { ProofVerifier } from '../identity/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { VaultControl } from '../vault/index.ts'
import type { Refusals } from './refusals.ts'

export interface ExchangeDeps {
  rules: RulesHolder
  broker: Broker
  audit: AuditClient
  tokens: AccessTokens
  proofs: ProofVerifier
  clock: Clock
  url: () => string
  refusals: Refusals
  approvals: Approvals
  vaultControl: Pick<VaultControl, 'closed'>
}
