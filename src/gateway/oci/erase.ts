import { discard } from '../exchange.ts'
import { answer, answerError, passFailure } from './answer.ts'
import type { Job } from './job.ts'
import { operationOn } from './permission.ts'
import type { Blob, Manifest } from './route.ts'

/**
 * Deletes a tag, a manifest or a blob: what the grant names it by. By digest every tag of it goes with it, so a grant for a tag
 * does not cover the digest that it stands for.
 */
export async function erase(job: Job, route: Manifest | Blob): Promise<void> {
  const { exchange, registry } = job
  const { repository } = route
  const ref = route.kind === 'blob' ? route.digest : route.ref
  const permit = await exchange.permit(operationOn(job, 'oci:delete', repository, ref), {
    oci: { [route.kind]: ref },
  })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  const upstream = await registry.ask(permit, [`repository:${repository}:delete`], {
    method: 'DELETE',
    target: exchange.path,
    headers: {},
  })
  const { statusCode = 0 } = upstream
  if (statusCode < 200 || statusCode > 299) return passFailure(exchange, upstream)
  discard(upstream)
  answer(exchange, 202, {})
}
