/**
 * Carries the steps' traffic: CONNECT with a DPoP-bound token, egress guard, TLS under the run's CA, one folder per
 * protocol, credentials added on the way. Refuses every host, path, method and ref that nothing names.
 * Invariant: policy, lease and durable audit receipt come before the first byte that goes upstream with a
 * credential; the end of a step destroys its sockets. A request passes tunnel, handler, gatekeeper, upstream.
 */
export { createEgressGuard, type EgressGuard } from './egress/index.ts'
export type { OpenConnection } from './open-connections.ts'
export { createGateway } from './gateway.ts'
export type { Gateway, GatewayDeps } from './gateway.ts'
export type { FilePaths, Inspection, Look, LookStream, LookVerdict, Sent, SentPlace } from './look.ts'
export type { Approvers } from './consent.ts'
export { createKeptFiles } from './downloads/kept-files.ts'
export type { AttachedImage } from './attaching.ts'
export type { Attestations } from './attested.ts'
export type { Activity } from './activity.ts'
