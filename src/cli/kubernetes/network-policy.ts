import { createHash } from 'node:crypto'
import type { Place } from './places.ts'

/** Label of the pods that one NetworkPolicy holds. */
export const networkLabel = 'mayfly-network'

/**
 * The NetworkPolicy of pods that connect to these places and to name servers, and to nothing else; nobody connects to them. Its name
 * is made of what it says: runs that reach the same places share one, so that none piles up, and none changes another's.
 */
export function networkPolicyOf(
  namespace: string,
  reach: readonly Place[],
  dns: readonly Place[],
): { readonly name: string; readonly object: Record<string, unknown> } {
  const egress = [
    ...reach.map(({ peer, port }) => ({ to: [peer], ports: [{ protocol: 'TCP', port }] })),
    ...dns.map(({ peer, port }) => ({
      to: [peer],
      ports: ['UDP', 'TCP'].map((protocol) => ({ protocol, port })),
    })),
  ]
  const name = `mayfly-${createHash('sha256').update(JSON.stringify(egress)).digest('hex').slice(0, 16)}`
  return {
    name,
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'mayfly' } },
      spec: {
        podSelector: { matchLabels: { [networkLabel]: name } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [],
        egress,
      },
    },
  }
}
