import { z } from 'zod'

/** What issuers, connections and roles are called. */
export const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'a name has lower-case letters, digits and hyphens, and starts with a letter',
  )

export const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smh]$/, { error: 'a duration such as 90s, 15m or 1h', abort: true })
  .refine((text) => durationSeconds(text) <= 86_400, 'at most 24h: what we issue is short-lived')

/** Seconds of a duration such as `15m`. */
export function durationSeconds(text: string): number {
  const unit = { s: 1, m: 60, h: 3600 }[text.slice(-1)] ?? Number.NaN
  return Number(text.slice(0, -1)) * unit
}

export const credentialTtl = duration
  .optional()
  .describe(
    'How long the credential lives at most. It is revoked with its step in any case; as long as the step if left out.',
  )
