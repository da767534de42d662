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
  /** `probed`: the old value was seen dead. `not_proved`: nothing here could tell. */
  proof: string | null
  ended: string | null
}
