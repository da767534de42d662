import type { ApprovalTables } from './tables/approval-tables.ts'
import type { AttestationTables } from './tables/attestation-tables.ts'
import type { LeaseTables } from './tables/lease-tables.ts'
import type { RegistryTables } from './tables/registry-tables.ts'
import type { SecretTables } from './tables/secret-tables.ts'
import type { ServerTables } from './tables/server-tables.ts'
import type { SessionTables } from './tables/session-tables.ts'
import type { StepTables } from './tables/step-tables.ts'

export type { AttestationKind } from './tables/attestation-tables.ts'

/** Times are milliseconds since the Unix epoch, `null` while the event has not happened. */
export interface Tables
  extends
    SessionTables,
    StepTables,
    LeaseTables,
    AttestationTables,
    RegistryTables,
    SecretTables,
    ApprovalTables,
    ServerTables {}
