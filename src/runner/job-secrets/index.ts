/**
 * Finds the secrets among the variables of a job: whole values and, of values with a structure, their parts.
 *
 * It refuses to call a secret what is known to be none: mode words, branch names, paths, URLs without a password,
 * authors. A masker that hides those makes a log unreadable, and people turn it off.
 *
 * Invariant: what it does not understand is a secret when the name says so, or when the job handed it on by name.
 */
export { secretsOfJob } from './secrets-of-job.ts'
