import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'
import { createKeySigner, makeAuthority, type Signer } from '../sign/index.ts'
import { openSealed, seal, type VaultKey } from '../../vault/index.ts'
import type { KeyRow } from './state.ts'

type Times = Pick<KeyRow, 'number' | 'created_ms' | 'not_before_ms'>

const dayMs = 86_400_000
/** A certificate of a CA begins a little earlier than now: clocks differ. */
const earlierMs = 300_000
export const authorityLifeMs = 730 * dayMs

/** A new root key, its private part sealed. */
export async function newRootRow(vaultKey: VaultKey, times: Times): Promise<KeyRow> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = createKeySigner(privateKey, 'root key')
  return sealedRow(vaultKey, privateKey, await rowOf(signer, 'root', times))
}

/** A new CA with its certificate. `organization` stands in its name. */
export async function newAuthorityRow(
  vaultKey: VaultKey,
  organization: string,
  times: Times,
): Promise<KeyRow> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const row = await outerAuthorityRow(createKeySigner(privateKey, 'CA'), organization, times)
  return sealedRow(vaultKey, privateKey, row)
}

/** The same for a key that is elsewhere: in a key service, or in a hardware module. */
export async function outerAuthorityRow(signer: Signer, organization: string, times: Times): Promise<KeyRow> {
  const { created_ms: madeMs } = times
  const life = { notBeforeMs: madeMs - earlierMs, notAfterMs: madeMs + authorityLifeMs }
  const { certificate } = await makeAuthority(organization, life, signer)
  return { ...(await rowOf(signer, 'ca', times)), certificate: pemOf(certificate, 'CERTIFICATE') }
}

export async function rowOf(signer: Signer, use: KeyRow['use'], times: Times): Promise<KeyRow> {
  const spki = await signer.publicKey()
  return {
    ...{ id: keyIdOf(spki), use, public_key: pemOf(spki, 'PUBLIC KEY'), certificate: null, sealed: null },
    ...{ ...times, retired_ms: null, removed_ms: null },
  }
}

export function keyIdOf(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex')
}

function sealedRow(vaultKey: VaultKey, privateKey: KeyObject, row: KeyRow): KeyRow {
  const bytes = privateKey.export({ type: 'pkcs8', format: 'der' })
  const sealed = seal(vaultKey, contextOf(row.id), bytes)
  bytes.fill(0)
  return { ...row, sealed }
}

/** Throws `vault_sealed`, and `vault_key` if it is not the key that its row says. */
export function openKeyRow(vaultKey: VaultKey, row: KeyRow): Signer {
  const { id, use, sealed } = row
  if (sealed === null) throw new MayflyError('vault_key', `the ${nameOf[use]} ${id} is not kept here`)
  const bytes = openSealed(vaultKey, contextOf(id), sealed).reveal()
  const key = readKey(bytes)
  bytes.fill(0)
  if (key === undefined || keyIdOf(createPublicKey(key).export({ type: 'spki', format: 'der' })) !== id)
    throw new MayflyError(
      'vault_key',
      `the ${nameOf[use]} ${id} in the store is another key than its row says: restore the store from a backup`,
    )
  return createKeySigner(key, nameOf[use])
}

const nameOf = { ca: 'attestation CA', root: 'root key', signing: 'signing key' } as const

function readKey(pkcs8: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  } catch {
    // What is wrong with it stays untold: the message might repeat a part of the key.
    return undefined
  }
}

/** As `vault/sealed-columns.ts` has it. */
function contextOf(id: string): string {
  return `attest key ${id}`
}

function pemOf(bytes: Buffer, label: string): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
