/** HTTP as the log and the witness speak it: bounded bodies, whole answers, and an address that is said when it is known. */
export * from './serve.ts'
