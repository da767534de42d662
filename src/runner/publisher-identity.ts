import { MayflyError, messageOf, type Clock, type Secret } from '../lib/index.ts'
import { kindNames, kindNamed } from '../kinds/index.ts'
import type { ServerApi } from './api.ts'
import type { StepGrant } from './api-facts.ts'
import { canGiveAnotherToken, fetchIdentityToken, type IdentityTokenRequest } from './ci-token.ts'

/** Fetches an identity token of the job for another audience than the server's; `variable`: where a pipeline puts one for it. */
export type IdentityFor = (audience: string, variable: string) => Promise<Secret>

export function identityFor(job: Omit<IdentityTokenRequest, 'audience'>): IdentityFor {
  return async (audience, variable) => {
    const { variables, identitySource } = job.environment
    const token = variables[variable] ?? ''
    // A token that was made for Mayfly alone is nobody else's to have.
    if (token !== '')
      return fetchIdentityToken({
        ...{ ...job, audience },
        environment: { ...job.environment, identitySource: { kind: 'variable', name: variable, token } },
      })
    if (canGiveAnotherToken({ ...job, audience }) && identitySource.kind !== 'azure-devops')
      return fetchIdentityToken({ ...job, audience })
    throw new MayflyError(
      'bad_token',
      `this CI gives a job no identity token for ${audience} when it is asked: have it put one into ${variable} (on GitLab id_tokens: { ${variable}: { aud: ${JSON.stringify(audience)} } })`,
    )
  }
}

/** Such a token lasts for minutes, and a step may publish at its end. */
const againMs = 60_000

/**
 * Hands the server the job's identity token for a registry that the step may publish to as its trusted publisher, before a
 * connection goes there. Where there is none, the developer is told, and publishing will be refused.
 */
export function publisherIdentityOnce(options: {
  api: Pick<ServerApi, 'holdIdentity'>
  step: StepGrant
  identityFor: IdentityFor
  learn: (token: Secret) => void
  tell: (line: string) => void
  clock: Clock
}): (authority: string) => Promise<void> {
  const { api, step, tell } = options
  const handing = new Map<string, { readonly handed: Promise<void>; readonly atMs: number }>()

  async function hand({ name, kind }: StepGrant['connections'][number], audience: string): Promise<void> {
    const known = kindNames.find((one) => one === kind)
    const variable = known === undefined ? undefined : kindNamed(known).publisherVariable
    if (variable === undefined) return
    try {
      const token = await options.identityFor(audience, variable)
      options.learn(token)
      await api.holdIdentity(step, name, token.reveal())
    } catch (error) {
      tell(`mayfly: connection "${name}" cannot publish: ${messageOf(error)}`)
    }
  }

  return async (authority) => {
    for (const connection of step.connections) {
      const { name, publisher_audience: audience } = connection
      if (audience === undefined || connection.authority !== authority) continue
      const atMs = options.clock.nowMs()
      const known = handing.get(name)
      const one =
        known !== undefined && atMs - known.atMs < againMs
          ? known
          : { handed: hand(connection, audience), atMs }
      handing.set(name, one)
      await one.handed
    }
  }
}
