import type { Call } from './route.ts'

/** Whose share a call counts to: a person has one, however many tokens and sessions they have. */
export function whoAsks({ operator }: Call): string {
  const login = operator?.login
  return login === undefined
    ? `token ${operator?.id ?? ''}`
    : `person ${JSON.stringify([login.issuer, login.subject])}`
}
