import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { canonicalEntry } from '../attest/verify/index.ts'
import { equalBytes, exactTextOf, parseBase64 } from '../audit/verify/index.ts'
import { dataFolderOf } from '../config/environment.ts'
import { auditFolderOf, type AuditOptions } from './audit-source.ts'

/** The same options for the attestation log, which the same process keeps below the audit log. */
export function ofAttestations<Options extends AuditOptions>(options: Options): Options {
  const { url } = options
  if (url !== undefined) return { ...options, url: `${url.replace(/\/+$/, '')}/attestations/` }
  const key = options.key ?? (options.policy === undefined ? pinnedKeyOf(options) : undefined)
  const folder = join(auditFolderOf(options), 'attestations')
  return { ...options, folder, ...(key === undefined ? {} : { key }) }
}

/** As the server that runs here knows it; a log that is elsewhere has another. */
function pinnedKeyOf({ folder, data }: AuditOptions): string | undefined {
  const file = join(dataFolderOf(data), 'keys', 'attestations.vkey')
  return folder === undefined && existsSync(file) ? file : undefined
}

/** Entries that are no `hashedrekord` of Rekor's in its one canonical form, which the log takes none of. */
export function createRekordCheck(): {
  add(index: number, bytes: Uint8Array): undefined
  strange(): readonly number[]
} {
  const strange: number[] = []
  return {
    add(index, bytes) {
      if (!isRekord(bytes)) strange.push(index)
    },
    strange: () => strange,
  }
}

function isRekord(bytes: Uint8Array): boolean {
  try {
    const parsed: unknown = JSON.parse(exactTextOf(bytes) ?? '')
    const signature = memberOf(parsed, 'spec', 'hashedRekordV002', 'signature')
    const digest = bytesOf(memberOf(parsed, 'spec', 'hashedRekordV002', 'data', 'digest'))
    const content = bytesOf(memberOf(signature, 'content'))
    const key = memberOf(signature, 'verifier', 'publicKey', 'rawBytes')
    const der = bytesOf(key ?? memberOf(signature, 'verifier', 'x509Certificate', 'rawBytes'))
    if (digest === undefined || content === undefined || der === undefined) return false
    const kind = key === undefined ? 'certificate' : 'key'
    return equalBytes(canonicalEntry({ digest, signature: content, by: { kind, der } }), bytes)
  } catch {
    return false
  }
}

function memberOf(value: unknown, ...names: readonly string[]): unknown {
  let at = value
  for (const name of names) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

function bytesOf(value: unknown): Buffer | undefined {
  const bytes = typeof value === 'string' ? parseBase64(value) : undefined
  return bytes === undefined ? undefined : Buffer.from(bytes)
}
