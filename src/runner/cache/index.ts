/**
 * Named caches between runs. A step works on a private copy; what it leaves there becomes the cache of later runs only if its
 * job is one of the same repository on a protected ref, and the step succeeded.
 * Invariant: nothing that a pull request, a fork or another repository wrote is ever in the cache that a step starts with; and
 * a role that writes starts with nothing but what its lockfile's digests confirm.
 */
export { openCaches, type CacheReport, type OpenCaches } from './caches.ts'
