import { isDigest } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import type { Permission } from '../exchange.ts'
import type { Job } from './job.ts'
import { besideDigest } from '../../images/index.ts'
import type { Blob, Manifest } from './route.ts'

export type Detail = Readonly<Record<string, unknown>>

export function operationOn({ exchange }: Job, action: string, path: string, ref?: string): Operation {
  return { action, connection: exchange.connection.name, path, ...(ref === undefined ? {} : { ref }) }
}

/**
 * Whether the step may have this: by a grant that covers it, or because it is a part of what it was given by one. A grant for
 * `app@v*` is so one for all that `v1` consists of, and for what stands beside it (signatures), and for nothing else.
 */
export function permitPull(job: Job, repository: string, ref: string, detail: Detail): Promise<Permission> {
  const options = isReached(job, repository, ref) ? ({ anyRef: true } as const) : {}
  return job.exchange.permit(operationOn(job, 'oci:pull', repository, ref), { oci: detail }, options)
}

/** Whether `permitPull` would permit it. */
export function mayPull(job: Job, repository: string, ref: string, options?: { granted: true }): boolean {
  const anyRef = isReached(job, repository, ref)
  return job.exchange.would(operationOn(job, 'oci:pull', repository, ref), { ...options, anyRef })
}

function isReached({ memory }: Job, repository: string, ref: string): boolean {
  const digest = isDigest(ref) ? ref : besideDigest(ref)
  return digest !== undefined && memory.reached.has(repository, digest)
}

/**
 * Content that has no name yet: blobs, and manifests by digest. Whoever may push some tag of the repository may put it there;
 * nothing that others ask for by name changes by it.
 */
export function permitUnnamed(
  job: Job,
  repository: string,
  detail: Detail,
  digest?: string,
): Promise<Permission> {
  const operation = operationOn(job, 'oci:push', repository, digest)
  return job.exchange.permit(operation, { oci: detail }, { anyRef: true })
}

/**
 * Whether it is there is asked before every push, so a grant to push is enough for it. Who holds neither is told of the one that
 * it probably needs: blobs are asked for before they are pushed, and by nobody who pulls.
 */
export function permitLook(job: Job, route: Blob | Manifest): Promise<Permission> {
  const { exchange } = job
  const { repository } = route
  const ref = route.kind === 'blob' ? route.digest : route.ref
  const anyRef = isDigest(ref) ? ({ anyRef: true } as const) : {}
  const pull = operationOn(job, 'oci:pull', repository, ref)
  const push = operationOn(job, 'oci:push', repository, ref)
  const isPull = mayPull(job, repository, ref, { granted: true })
  if (!isPull && exchange.would(push, { ...anyRef, granted: true }))
    return exchange.permit(push, { oci: { look: ref } }, { ...anyRef, again: true })
  const pushes = route.kind === 'blob' && !isPull && !exchange.would(pull, { anyRef: true, granted: true })
  // Who holds neither, in shadow mode, is let in by what it can be let in by.
  return pushes && !mayPull(job, repository, ref)
    ? permitUnnamed(job, repository, { look: ref })
    : permitPull(job, repository, ref, { look: ref })
}

export function pullScope(repository: string): string {
  return `repository:${repository}:pull`
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`
}
