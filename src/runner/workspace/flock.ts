import { spawn } from 'node:child_process'
import { MayflyError } from '../../lib/index.ts'

/** LOCK_SH, LOCK_EX, LOCK_NB (flock(2)). */
export const [shared, exclusive, atOnce] = [1, 2, 4]

/** An open folder, and how it is locked. */
export interface Lock {
  readonly fd: number
  readonly how: number
}

/**
 * Locks what it inherited: pairs of descriptor and operation. A lock belongs to the open file that the supervisor
 * and this program share, so it stays when this one ends and is gone when the supervisor is, however it ends.
 * Node has no flock(2); perl is what the sandbox needs anyway.
 */
const script =
  'while (my ($fd, $how) = splice @ARGV, 0, 2) { open(my $h, "<&=", $fd) or exit 2; $h{$fd} = $h; flock($h, $how) or exit($!{EWOULDBLOCK} ? 1 : 2) }'

/** Locks all of them. False if somebody else has one, or it was given up. */
export function flock(locks: readonly Lock[], cancel: AbortSignal, flags: number): Promise<boolean> {
  const args = locks.flatMap(({ how }, i) => [String(i + 3), String(how | flags)])
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/perl', ['-MErrno', '-e', script, ...args], {
      stdio: ['ignore', 'ignore', 'ignore', ...locks.map(({ fd }) => fd)],
      env: {},
      signal: cancel,
      killSignal: 'SIGKILL',
    })
    child.once('error', (error) => (cancel.aborted ? resolve(false) : reject(error)))
    child.once('close', (code) => {
      if (code === 0 || code === 1 || cancel.aborted) return resolve(code === 0)
      reject(new MayflyError('isolation_unavailable', `the workspace cannot be locked (flock, exit ${code})`))
    })
  })
}
