import { connectionMeant, missingEgress, type Targets } from '../../connections/index.ts'

/** Why a host is not reached in this role, and the line of mayfly.yaml that would let it, as it is pasted. */
export function egressDenial(targets: Targets, role: string, host: string, port: number): string {
  const line = missingEgress(host, port)
  // No egress rule lets a step to such an address, so none is suggested.
  if (line === undefined)
    return 'no connection names this host; a loopback, link-local or metadata address is reached by a connection only'
  const none = 'no connection and no egress rule names this host'
  // Past the connection nothing is pinned, and no credential added.
  const meant = connectionMeant(targets, host)
  if (meant !== undefined)
    return meant.host === host
      ? `connection "${meant.name}" is for this host, at ${meant.url}: use that, not port ${port}`
      : `${none}; did you mean ${meant.host}, of connection "${meant.name}" (${meant.url})? If not, it needs an egress rule of its own`
  return `${none}; to allow it, add to roles.${role}.egress in mayfly.yaml: ${line}`
}
