/**
 * Asks an HTTP API on the server's own behalf: for a credential, for a secret that is kept elsewhere. Refuses addresses that
 * nothing names, follows no redirect, reads no more than a bound.
 * Invariant: the address that was checked is the one that is dialled.
 */
export { createHttpClient } from './http-client.ts'
export type { HttpAnswer, HttpClient, HttpClientDeps, HttpQuestion } from './http-client.ts'
export { checkedLookup } from './target.ts'
