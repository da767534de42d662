/**
 * Leaves that every room may use: errors, clock, ids, limits, bytes, Secret, patterns, addresses.
 * Knows nothing of the rest and imports nothing of it.
 */
export * from './address.ts'
export * from './bytes.ts'
export * from './clock.ts'
export * from './errors.ts'
export * from './git-ref.ts'
export * from './http-answer.ts'
export * from './http-head.ts'
export * from './ids.ts'
export * from './limits.ts'
export * from './loopback.ts'
export * from './name-form.ts'
export * from './no-such.ts'
export * from './pattern.ts'
export * from './pattern-algebra.ts'
export * from './secret.ts'
export * from './served-certificate.ts'
export * from './text.ts'
export * from './trusted-roots.ts'
export * from './version.ts'
export * from './webhook-signature.ts'
