import { isLoopback, MayflyError, type Clock, type ServedCertificate } from '../lib/index.ts'
import type { SecretSourceOptions } from './kept-elsewhere.ts'
import { certificateOf } from './serving.ts'

/** What `mayfly up` is told. */
export interface UpOptions extends SecretSourceOptions {
  dataFolder: string
  host: string
  port: number
  gatewayPort: number
  auditPort: number
  /** Our URL as runners reach it, if it is not where we listen. */
  url?: string
  gatewayUrl?: string
  /** Certificate and key of API and gateway. */
  tlsCert?: string
  tlsKey?: string
  /** Where the audit log listens; with a certificate where others reach it. */
  auditHost: string
  auditTlsCert?: string
  auditTlsKey?: string
  /** Certificate authorities to trust beside the system's. */
  caFile?: string
  /** Start although the audit log lacks entries that it confirmed; recorded there. */
  acceptLogRollback: boolean
  heartbeatSeconds: number
  /** A mayfly.yaml to apply before we are ready. */
  policy?: { file: string; text: string }
  /** A file with the audit log's witnesses and their quorum (tlog-policy). */
  witnessPolicy?: string
  /** A file that says where every entry is pushed to. */
  forward?: string
  /** A file that says what wraps the vault's keys. */
  vault?: string
  /** A file that says by what attestations are signed. */
  attest?: string
  /** Programs that rotate secrets: their paths by the names that policies have for them. */
  rotators: ReadonlyMap<string, string>
  /** Program and arguments that start this program again, for the audit log's process. */
  self: readonly string[]
  /** While the start waits for the vault to be unsealed, this ends it. */
  signal?: AbortSignal
  /** Called once the start waits for that. The token only at the very first start. */
  sealed?: (at: { url: string; reason: string; operatorToken: string | undefined }) => void
  tell: (line: string) => void
  clock?: Clock
}

/** Tokens are not sent in the clear over a network. */
export function refuseOpenNetwork({
  host,
  url,
  gatewayUrl,
  tlsCert,
  auditHost,
  auditTlsCert,
}: UpOptions): void {
  const isInFront = url?.startsWith('https://') === true && gatewayUrl?.startsWith('https://') === true
  if (!isLoopback(host) && tlsCert === undefined && !isInFront)
    throw new MayflyError(
      'bad_input',
      `--host ${host} is reachable by others: give --tls-cert and --tls-key, or put TLS in front and say so with --url https://... and --gateway-url https://...`,
    )
  if (!isLoopback(auditHost) && auditTlsCert === undefined)
    throw new MayflyError(
      'bad_input',
      `--audit-host ${auditHost} is reachable by others: give --audit-tls-cert and --audit-tls-key, or leave it on 127.0.0.1 and put TLS in front`,
    )
}

/** Where runners reach us must be known: the certificate says it, or the options. */
export function refuseNamelessUrl(
  { url, gatewayUrl }: UpOptions,
  certificate: ServedCertificate | undefined,
): void {
  if (certificate === undefined || certificate.names.length > 0) return
  if (url !== undefined && gatewayUrl !== undefined) return
  throw new MayflyError(
    'bad_input',
    'the certificate has no name without a wildcard: say where runners reach Mayfly with --url https://... and --gateway-url https://...',
  )
}

/** Certificate and key of the audit log, if it has them. Throws `bad_input` for a pair that is not good. */
export function auditTlsOf({ auditTlsCert: cert, auditTlsKey: key, tell }: UpOptions) {
  const options = ['--audit-tls-cert', '--audit-tls-key'] as const
  // Read here too: a mistake in it is told with the option's own name. The log's process reads it for itself.
  certificateOf({ tlsCert: cert, tlsKey: key }, tell, options)?.close()
  return cert === undefined || key === undefined ? undefined : { cert, key }
}
