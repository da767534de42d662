import { MayflyError, type Clock } from '../../lib/index.ts'

/** Has it neither ended nor expired? */
export function stands(one: { endReason: string | undefined; expiresMs: number }, clock: Clock): boolean {
  return one.endReason === undefined && one.expiresMs > clock.nowMs()
}

export function ended(reason: string): MayflyError {
  return new MayflyError('revoked', `the step has ended (${reason}): nothing more is given to it`)
}
