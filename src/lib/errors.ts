/** Every code a `MayflyError` may carry. Stable: scripts and tests match on them. */
export type ErrorCode =
  | 'attest_key'
  | 'audit_unavailable'
  | 'audit_rejected'
  | 'audit_corrupt'
  | 'bad_input'
  | 'bad_token'
  | 'conflict'
  | 'credential_failed'
  | 'config_invalid'
  | 'data_folder'
  | 'denied'
  | 'disk_full'
  | 'isolation_unavailable'
  | 'issuer_unreachable'
  | 'limit_exceeded'
  | 'not_found'
  | 'port_in_use'
  | 'revoked'
  | 'secret_missing'
  | 'server_stopping'
  | 'store_failed'
  | 'thread_failed'
  | 'unauthorized'
  | 'upstream_unreachable'
  | 'vault_key'
  | 'vault_sealed'

/**
 * A fault with a stable code and one line that says what to do.
 * `message` never holds a secret and never a stack; the original error is the `cause`.
 */
export class MayflyError extends Error {
  override readonly name: string = 'MayflyError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** An upstream that asks for patience: the very same may be had after this time. */
export class TryLater extends MayflyError {
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number) {
    super('upstream_unreachable', message)
    this.retryAfterMs = retryAfterMs
  }
}

/** A fault after which the process must not go on: it stops, and a restart recovers from what is on disk. */
export class FatalError extends MayflyError {
  override readonly name = 'FatalError'
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`, ...), if it is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The message of anything thrown, on one line, with the system code of a bare network error; what causes add to it, once. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? messageOf(error.cause) : ''
  const text = error.message === '' ? (systemCode(error) ?? error.name) : error.message
  const line = text.replaceAll(/\s*\n\s*/g, ' ')
  return line.includes(cause) ? line : `${line}: ${cause}`
}

/** The first line of what a parser says. Some go on with lines of what they read, where a secret may be: such an error is nobody's cause. */
export function firstLineOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line.slice(0, 300)
}
