import type { RotationAnswer } from './secret-rotate.ts'

/** A compromise as the server tells of it. */
export interface CompromiseAnswer {
  id: string
  secret: string
  version: number
  reason: string | null
  /** When the version was made, and when it was said to be known to others (RFC 3339). */
  made: string
  said: string
  leases: number
  rotation: RotationAnswer | null
  needs: string | null
  /** The version that is used now. */
  in_use: number
  /** Secrets whose rotation used this one as its admin's, with the versions that it made. */
  made_with: { secret: string; versions: number[] }[]
  /** `probed`: the old value was seen dead. `not_proved`: nothing here could tell. */
  proof: string | null
  ended: string | null
}

export function madeWithIt({ secret, versions }: CompromiseAnswer['made_with'][number]): string {
  const made = versions.length === 0 ? '' : `, which made version ${versions.join(', ')}`
  return `it is the admin’s of the rotation of ${secret}${made}: whoever had it may know that value, or have changed it (mayfly secret compromise ${secret})`
}
