/**
 * Asks an HTTP API on the server's own behalf: for a credential, for a secret that is kept elsewhere. Refuses addresses that
 * nothing names, follows no redirect, reads no more than a bound. Requests may be written in configuration.
 * Invariants: the address that was checked is the one that is dialled; a value that is filled into a request stays a value.
 */
export { createHttpClient, Unsent } from './http-client.ts'
export type { HttpAnswer, HttpClient, HttpClientDeps, HttpQuestion } from './http-client.ts'
export { checkedLookup } from './target.ts'
export { asText, at, jsonOf, textAt } from './read-answer.ts'
export { namesIn, writeRequest, type Values, type WrittenRequest } from './written-request.ts'
