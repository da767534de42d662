import { type ErrorCode, FatalError, messageOf, systemCode } from '../../lib/index.ts'

/** Why the log stopped. `status` is what requests are answered: 507 for a full disk, else 503. */
export interface Failure {
  status: 503 | 507
  code: ErrorCode
  reason: string
}

/** The one-way switch from working to failed. */
export interface FailureSwitch {
  current(): Failure | undefined
  /** Fails the log for good and tells `onFatal` once; later failures keep the first reason. */
  fail(doing: string, error: unknown): Failure
}

/**
 * After a failed write or fsync nobody knows what is on the disk (the kernel may have dropped the dirty pages and
 * will report success next time), so the log refuses everything until a restart reads it back.
 */
export function createFailureSwitch(
  onFatal: (error: FatalError) => void,
  log = 'the audit log',
): FailureSwitch {
  let failure: Failure | undefined
  return {
    current: () => failure,
    fail(doing, error) {
      if (failure !== undefined) return failure
      const { full, what } = diskFailure(error)
      const known = error instanceof FatalError ? error.code : 'audit_unavailable'
      const code = full ? 'disk_full' : known
      // What contradicts itself is not mended by a restart.
      const until = code === 'audit_corrupt' ? 'more' : 'until it is restarted'
      const reason = `${doing} failed: ${what}; ${log} takes nothing ${until}`
      failure = { status: full ? 507 : 503, code, reason }
      const fatal = new FatalError(code, reason, { cause: error })
      onFatal(error instanceof FatalError ? error : fatal)
      return failure
    },
  }
}

/** Why the log in `folder` could not be opened, for whoever starts it; what was found in the folder says so itself. */
export function refuseToStart(folder: string, error: unknown): FatalError {
  if (error instanceof FatalError) return error
  const { full, what } = diskFailure(error)
  const message = `the audit log in ${folder} cannot be opened: ${what}`
  return new FatalError(full ? 'disk_full' : 'data_folder', message, { cause: error })
}

function diskFailure(error: unknown): { full: boolean; what: string } {
  const code = systemCode(error)
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return { full, what: full ? `the disk is full (${code})` : messageOf(error) }
}
