import { missingEgress } from '../../connections/index.ts'

/** Why a host is not reached in this role, and the line of mayfly.yaml that would let it, as it is pasted. */
export function egressDenial(role: string, host: string, port: number): string {
  const line = missingEgress(host, port)
  // No egress rule lets a step to such an address, so none is suggested.
  if (line === undefined)
    return 'no connection names this host; a loopback, link-local or metadata address is reached by a connection only'
  return `no connection and no egress rule names this host; to allow it, add to roles.${role}.egress in mayfly.yaml: ${line}`
}
