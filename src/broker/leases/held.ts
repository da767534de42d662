import { Secret, type LeaseId } from '../../lib/index.ts'
import type { Connection, IssuerConfig, MintedCredentialConfig } from '../../connections/index.ts'
import type { CredentialIssuer, Held, HeldConnection, Plain, Revocation } from '../../credentials/index.ts'

export type IssuerName = MintedCredentialConfig['scheme']

/** What is to be ended of a credential that somebody made: an issuer, or a registry for its trusted publishers. */
export type Ender = Pick<CredentialIssuer, 'revoke' | 'probe' | 'staysUntilRevoked'>
export type EnderName = IssuerName | 'trusted_publishing'

/** Seals what the store keeps: `context` says what it is of, and it opens under no other. */
export interface Sealing {
  seal(context: string, value: Buffer): Uint8Array
  open(context: string, sealed: Uint8Array): Secret<Buffer>
}

/** All that it takes to end a credential, whatever has become of its configuration since: no secret, only names of secrets. */
export interface LeasePlan {
  readonly issuer: EnderName
  readonly connection: HeldConnection
  readonly config: IssuerConfig<IssuerName>
  readonly plan: Plain
}

export function planText(connection: Connection, { scheme, config }: MintedCredentialConfig, plan: Plain) {
  const { name, kind, url, host, port, tls, dial, ca, settings } = connection
  const kept: LeasePlan = {
    issuer: scheme,
    connection: { name, kind, url, host, port, tls, dial, ca, ...(settings && { settings }) },
    config,
    plan,
  }
  return JSON.stringify(kept)
}

export interface HeldRow {
  readonly id: string
  readonly plan: string | null
  readonly handle: Uint8Array | null
  readonly expires_ms: number
}

export function planIn(row: Pick<HeldRow, 'plan'>): LeasePlan {
  return JSON.parse(row.plan ?? 'null') as LeasePlan
}

/** Of a row that is being ended, what its issuer is given. Throws what opening the handle throws. */
export function heldOf(row: HeldRow, { connection, config, plan }: LeasePlan, sealing: Sealing): Held {
  // JSON has no `undefined`.
  const { dial, ca } = connection
  const handle = row.handle === null ? undefined : openHandle(sealing, row.id, row.handle)
  return {
    lease: row.id as LeaseId,
    connection: { ...connection, dial, ca },
    config,
    plan,
    handle,
    expiresMs: row.expires_ms,
  }
}

export function sealHandle(sealing: Sealing, lease: string, handle: Plain): Uint8Array {
  return sealing.seal(contextOf(lease), Buffer.from(JSON.stringify(handle)))
}

function openHandle(sealing: Sealing, lease: string, sealed: Uint8Array): Plain {
  return JSON.parse(sealing.open(contextOf(lease), sealed).reveal().toString('utf8')) as Plain
}

/** As what a handle is sealed. */
function contextOf(lease: string): string {
  return `lease ${lease}`
}

export function meansText(revocation: Revocation): string {
  return revocation.means === 'within' ? `within ${revocation.seconds}` : revocation.means
}

/** How long one that was revoked may still be alive. */
export function graceMs(means: string): number {
  const seconds = Number(/^within (\d+)$/.exec(means)?.[1] ?? 0)
  return seconds * 1_000
}
