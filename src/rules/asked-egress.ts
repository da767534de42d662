import { isIP } from 'node:net'
import { canonicalHost } from '../lib/index.ts'
import { connectionMeant, missingEgress, type Targets } from '../connections/index.ts'
import { egressPatch, type OperationExplanation } from '../policy/index.ts'

interface Known {
  readonly targets: Targets
}

/** `egress host:port`, as operations are written; undefined for another operation, and in one line what is wrong. */
export function parseEgress(operation: string): { host: string; port: number } | string | undefined {
  if (!operation.startsWith('egress ')) return undefined
  const parts = /^egress (?<host>\[[^\]]+\]|[^:\s]+)(?::(?<port>[0-9]{1,5}))?$/.exec(operation)?.groups
  const host = canonicalHost(parts?.['host'] ?? '')
  const port = Number(parts?.['port'] ?? 443)
  return host === undefined || !(port >= 1 && port <= 65_535)
    ? `operation "${operation}": name one host: "egress deb.example.org"`
    : { host, port }
}

/** Whether steps in this role may reach the host, by which rule of which list, or what to add. */
export function explainEgress(
  { targets }: Known,
  role: string,
  { host, port }: { host: string; port: number },
): OperationExplanation {
  const operation = `egress ${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  const asked = { operation, role }
  const [connection] = targets.at(host, port)
  if (connection !== undefined)
    return { ...asked, allow: false, forbiddenBy: `connection "${connection.name}" (its grants decide)` }
  const rule = targets.egress.allows(host, port, role)
  if (rule !== undefined) return { ...asked, allow: true, grant: `${rule.source}, under ${rule.list}` }
  const missing = missingEgress(host, port)
  const meant = missing === undefined ? undefined : connectionMeant(targets, host)
  if (meant?.host === host)
    return { ...asked, allow: false, forbiddenBy: `connection "${meant.name}", which is for ${meant.url}` }
  return missing === undefined
    ? { ...asked, allow: false, forbiddenBy: 'its address (loopback, link-local or metadata)' }
    : { ...asked, allow: false, missing, patch: egressPatch(role, missing) }
}

/** The same for policy tests. */
export function egressAsked(known: Known) {
  return (role: string, operation: string) => {
    const asked = parseEgress(operation)
    if (asked === undefined) return undefined
    if (typeof asked === 'string') return { problem: asked }
    const { allow, grant, forbiddenBy, missing } = explainEgress(known, role, asked)
    return { allow, why: grant ?? forbiddenBy ?? `no egress rule; it would take ${missing}` }
  }
}
