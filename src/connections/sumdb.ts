import { parseVerifierKey, type Verifier } from '../audit/verify/index.ts'
import type { ConnectionConfig } from '../config/index.ts'
import { kindNamed } from '../kinds/index.ts'

/** What modules that no go.sum pins are held against (go.dev/ref/mod#checksum-database). */
export interface ChecksumDatabase {
  /** Undefined: nothing, as the connection says. */
  readonly verifier: Verifier | undefined
  /** As it is configured, and as GOSUMDB takes it; undefined: nothing is said, so it is the one that go knows. */
  readonly setting: string | undefined
}

/** The key of sum.golang.org, as go itself has it (cmd/go/internal/modfetch, key.go). */
const ofGo = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'

/** Undefined for a kind that has no checksum database. */
export function compileSumdb({
  kind,
  sumdb: setting,
}: ConnectionConfig): ChecksumDatabase | 'malformed' | undefined {
  if (kindNamed(kind).settings?.includes('sumdb') !== true) return undefined
  if (setting === 'off') return { verifier: undefined, setting }
  const verifier = parseVerifierKey(setting ?? ofGo)
  return verifier?.type === 'note' ? { verifier, setting } : 'malformed'
}
