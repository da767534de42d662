/**
 * Mayfly's own OIDC issuer: the keys that sign for us, who follows whom among them, and identity tokens for the upstreams that
 * trust us instead of keeping a secret with us. Refuses to sign for an audience that the configuration does not name, and for
 * our own. Access tokens (`broker/access-token.ts`) take their keys here, too.
 * Invariant: a key signs one use only, is published before it signs, and stays until the last token that it signed has ended.
 */
export { createSigningKeys } from './signing-keys.ts'
export type { SigningKeys } from './signing-keys.ts'
export { createRotation, rotateAfterMs } from './rotation.ts'
export type { Rotated, Rotation } from './rotation.ts'
export type { SigningAlgorithm, SigningKey, KeyUse } from './signing-key.ts'
export { signCompact } from './compact-jws.ts'
export { createIdentityTokens } from './identity-token.ts'
export type { IdentityFacts, IdentityTokenRequest, SignIdentityToken } from './identity-token.ts'
export { audienceProblems } from './audiences.ts'
export { subjectProblems } from './subject.ts'
