import { messageOf } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { StepDeps } from './step-request.ts'

/** Where a pipeline puts one for tools of Sigstore (cosign and others know the same name). */
const variable = 'SIGSTORE_ID_TOKEN'

/**
 * The job's identity token by which the server has this step signed, if it wants one (an instance of Sigstore). Asked for when the step
 * has ended, since it is good for minutes. Undefined if there is none: the step is told, and ends all the same.
 */
export async function signingIdentity(
  { identityFor, redactor, notices }: Pick<StepDeps, 'identityFor' | 'redactor' | 'notices'>,
  { signing_audience: audience }: Pick<StepGrant, 'signing_audience'>,
): Promise<string | undefined> {
  if (audience === undefined) return undefined
  try {
    const token = await identityFor(audience, variable)
    redactor.addOwn(token)
    return token.reveal()
  } catch (error) {
    notices.tell(`mayfly: nothing is signed about this step: ${messageOf(error)}`)
    return undefined
  }
}
