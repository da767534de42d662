import type { Random } from './random.ts'
import { fill } from './template.ts'

/** An object whose values are filled-in forms, in base64url without padding, as tokens carry it. */
export function json(random: Random, fields: Readonly<Record<string, string>>): string {
  const filled = Object.fromEntries(Object.entries(fields).map(([name, form]) => [name, fill(form, random)]))
  return Buffer.from(JSON.stringify(filled)).toString('base64url')
}
