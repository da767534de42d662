import { secretName, secretReference, type PolicyDocument } from '../config/index.ts'

/** The secrets of the vault that a policy names, each with where it does: `git` with `connections.git`. */
export function secretReferences(document: PolicyDocument): ReadonlyMap<string, readonly string[]> {
  const { connections, secrets, notify, sign_in, egress_proxy: proxy, secret_stores: stores } = document
  const places = [
    ...Object.entries(connections).map(([name, value]) => [`connections.${name}`, value] as const),
    ...Object.entries(secrets).map(([name, value]) => [`secrets.${name}.rotation`, value.rotation] as const),
    ...Object.entries(notify).map(([name, value]) => [`notify.${name}`, value] as const),
    ...Object.entries(stores).map(([name, value]) => [`secret_stores.${name}`, value] as const),
    ['sign_in', sign_in] as const,
    ['egress_proxy', proxy] as const,
  ]
  const found = new Map<string, string[]>()
  for (const [place, value] of places)
    for (const name of secretsIn(value).map(secretName)) found.set(name, [...(found.get(name) ?? []), place])
  return found
}

/** Every `secret:NAME` in it. */
export function secretsIn(value: unknown): string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(secretsIn)
  return typeof value === 'string' && secretReference.safeParse(value).success ? [value] : []
}
