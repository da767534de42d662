import { statSync } from 'node:fs'
import type { OpenedTrust, Trust, VerifyReason } from '../attest/verify/index.ts'

/** Refusals that a newer root might lift; an attacker's bundle is refused with the same. */
const beyond: ReadonlySet<VerifyReason> = new Set([
  ...(['untrusted_certificate', 'outside_authority', 'unknown_key', 'outside_key'] as const),
  ...(['untrusted_timestamp', 'unknown_log', 'outside_log'] as const),
])

export function mayBeNewer(reason: VerifyReason): boolean {
  return beyond.has(reason)
}

/** No trusted root has keys without certificates, however new it is. */
export function keysElsewhere(path: string): string {
  return `keys that sign without a certificate are never in a trusted root such as ${path}: verify by --root FILE with --trust-document FILE (root and trust_document in a policy), which mayfly attest root fetch --root-out FILE --document FILE writes`
}

/** Of a trusted root in a file, which has neither version nor date: how old it is by its keys, and how a newer one is had. */
export function rootStored(path: string, roots: readonly Trust[]): string {
  const all = roots.flatMap(({ authorities, timestampAuthorities, logs }) => [
    ...[...authorities, ...timestampAuthorities, ...logs].map(({ validFor }) => validFor.startMs),
  ])
  const newest = all.length === 0 ? 'no key' : `no key that is newer than ${dayOf(Math.max(...all))}`
  return `the trusted root in ${path} has ${newest}, and knows none that came later: fetch it anew, ${rootAnew(path, roots)}`
}

function rootAnew(path: string, roots: readonly Trust[]): string {
  return `mayfly attest root fetch --server ${serverOf(roots)} --root FILE -o ${path}`
}

const dayMs = 86_400_000
/** A server with its root key in its vault signs a new document after 45 days at most. */
const oldMs = 30 * dayMs

/** When it was written is all that tells its age: a copy may be older than that, and never is newer. */
export function oldRoot(path: string, roots: readonly Trust[], nowMs: number): string[] {
  const ageMs = nowMs - statSync(path).mtimeMs
  if (ageMs < oldMs) return []
  return [
    `the trusted root in ${path} was written ${Math.floor(ageMs / dayMs)} days ago: what was revoked since is not known from it; fetch it anew, ${rootAnew(path, roots)}`,
  ]
}

export function documentStored(path: string, opened: OpenedTrust, root: string): string {
  return `the trust document in ${path} is ${versionOf(opened)}; a newer one: ${anew(path, opened, root)}`
}

/** Whoever keeps a document does not learn what was taken back since. */
export function oldDocument(path: string, opened: OpenedTrust, root: string, nowMs: number): string[] {
  const days = Math.floor((nowMs - opened.issuedMs) / dayMs)
  if (nowMs - opened.issuedMs < oldMs) return []
  return [
    `the trust document in ${path} is ${versionOf(opened)}, ${days} days old: what was revoked since is not known from it; fetch it anew, ${anew(path, opened, root)}`,
  ]
}

export function endedDocument(path: string, opened: OpenedTrust, root: string): string {
  const ended = opened.expiresMs === undefined ? '' : `, and ended on ${dayOf(opened.expiresMs)}`
  return `the trust document in ${path} is ${versionOf(opened)}${ended}: fetch a newer one, ${anew(path, opened, root)}`
}

export function versionOf({ version, issuedMs }: OpenedTrust): string {
  return `version ${version} of ${dayOf(issuedMs)}`
}

function anew(path: string, { trust }: OpenedTrust, root: string): string {
  return `mayfly attest root fetch --server ${serverOf([trust])} --root ${root} --document ${path}`
}

/** Every authority of a Mayfly has an address below its server's. */
function serverOf(roots: readonly Trust[]): string {
  const [first] = roots.flatMap(({ authorities }) => authorities)
  return first !== undefined && URL.canParse(first.uri) ? new URL(first.uri).origin : 'URL'
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
