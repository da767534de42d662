import type { Identity } from '../identity/index.ts'
import { insertRow, type Store } from '../store/index.ts'
import type { End, Session } from './model.ts'

/** Was this identity token used before? Asked first, so that a replay writes nothing. */
export function wasTokenUsed(store: Pick<Store, 'find'>, identity: Identity): boolean {
  return store.find('spent_tokens', keyOf(identity)) !== undefined
}

/** Uses the identity token up: run, it is refused as a duplicate (`isDuplicate`) if the token was used before. */
export function usedToken(identity: Identity) {
  return insertRow('spent_tokens', keyOf(identity))
}

/** Its end is a part: one token has one, and they are kept by it. */
function keyOf({ issuerUrl, tokenId, expiresSeconds }: Identity) {
  return { expires_ms: expiresSeconds * 1000, issuer: issuerUrl, token_id: tokenId }
}

export function endIn(
  row: { ended_ms: number | null; end_reason: string | null } | undefined,
): End | undefined {
  if (row === undefined || row.ended_ms === null) return undefined
  return { reason: row.end_reason ?? 'ended', endedMs: row.ended_ms }
}

/** `signer`: who signs for it, as its certificates are to say. */
export function newSession(
  session: Session,
  identity: Identity,
  { signer, issuedEntry }: { readonly signer: unknown; readonly issuedEntry: number },
) {
  const { issuer, issuerUrl, attributes, run } = identity
  return insertRow('sessions', {
    id: session.id,
    run_id: session.runId,
    identity: JSON.stringify({ issuer, issuerUrl, attributes, run, claims: session.claims, signer }),
    roles: JSON.stringify(session.roles),
    jkt: session.jkt,
    created_ms: session.createdMs,
    expires_ms: session.expiresMs,
    heartbeat_ms: session.createdMs,
    wait_seconds: session.waitSeconds,
    ended_ms: null,
    end_reason: null,
    issuer,
    repository_id: attributes.repository_id ?? null,
    repository: attributes.repository ?? null,
    commit_id: attributes.commit ?? null,
    issued_entry: issuedEntry,
  })
}

/** The CI job in one line: issuer and subject. */
export function actorOf(identity: { issuer: string; attributes: { subject?: string } }): string {
  return `${identity.issuer}:${identity.attributes.subject ?? ''}`
}

export function rolesOf(row: { roles: string }): string[] {
  return JSON.parse(row.roles) as string[]
}
