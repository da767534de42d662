/**
 * Who operates Mayfly: people who signed in with an OIDC provider, and programs with an API token. It says who somebody is
 * and what they may do by the policy in force; the pages and routes that they use are the server's.
 *
 * It refuses a sign-in that did not begin in the same browser, and a change that another site's page could have sent.
 *
 * Invariant: no permission of a person is stored; each request is judged by the policy in force.
 */
export { createOperatorAccess, mayNotNamePeople } from './access.ts'
export type { OperatorAccess } from './access.ts'
export { createApiTokens } from './api-tokens.ts'
export type { ApiTokens } from './api-tokens.ts'
export { createCliLogin } from './cli-login.ts'
export type { CliLogin } from './cli-login.ts'
export { cookieNames, readCookie, setCookie } from './cookies.ts'
export { scopes } from './operator.ts'
export type { Login, Operator, Scope } from './operator.ts'
export { groupsOf, identifyPerson, permittedScopes } from './people.ts'
export { recordedLogin, recordedOperator } from './recorded-operator.ts'
export { createOperatorSessions, csrfTokenOf, sessionSeconds } from './sessions.ts'
export type { OperatorSessions } from './sessions.ts'
export { createSignIn, signInSeconds } from './sign-in.ts'
export type { SignIn } from './sign-in.ts'
