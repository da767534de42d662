/** The claims of one token as text, by name; nested ones by their path, `outer/inner`. Has no prototype. */
export type Claims = Readonly<Record<string, string>>

export type ClaimsResult =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly detail: string }

/**
 * The claims as text. Lists, null and numbers that a double cannot hold exactly are left out: an id that was rounded
 * is another's. Two claims of one path are refused, since a rule that names it could mean either.
 */
export function flattenClaims(payload: Readonly<Record<string, unknown>>): ClaimsResult {
  const claims = Object.create(null) as Record<string, string>
  const open: (readonly [string, object])[] = [['', payload]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [prefix, object] = next
    for (const [name, value] of Object.entries(object) as [string, unknown][]) {
      const path = `${prefix}${name}`
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) open.push([`${path}/`, value])
      const text = asText(value)
      if (text === undefined) continue
      if (path in claims) return { ok: false, detail: `there are two claims ${JSON.stringify(path)}` }
      claims[path] = text
    }
  }
  return { ok: true, claims }
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'boolean' || Number.isSafeInteger(value) ? String(value) : undefined
}
