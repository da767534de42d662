/**
 * What an entry says of who, what, where and for whom, in one form for all types: exports, stories and searches read it here, so
 * that they agree. It reads an entry's data as somebody else's text: whatever has another shape than its type says is left out.
 */
export { factsOf, type Facts, type Who } from './facts.ts'
