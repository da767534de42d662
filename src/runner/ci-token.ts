import { MayflyError, Secret, messageOf } from '../lib/index.ts'
import type { Environment } from '../config/environment.ts'
import { sendRequest } from './http.ts'

/**
 * The CI's identity token for this job, for our audience: from GitHub's token endpoint, or from the variable
 * that the CI put it in. Throws `bad_token` saying what to configure.
 */
export async function fetchIdentityToken(environment: Environment, audience: string): Promise<Secret> {
  if (environment.identityToken !== undefined) return new Secret(environment.identityToken)
  const { githubTokenRequest: request } = environment
  if (request === undefined) {
    throw new MayflyError(
      'bad_token',
      'this job has no identity token: on GitHub give the job `permissions: id-token: write`; on GitLab add `id_tokens: MAYFLY_ID_TOKEN: aud:` with the server’s URL',
    )
  }
  const url = `${request.url}${request.url.includes('?') ? '&' : '?'}audience=${encodeURIComponent(audience)}`
  try {
    const { status, text } = await sendRequest(url, {
      method: 'GET',
      headers: { authorization: `Bearer ${request.bearer}` },
    })
    if (status !== 200) throw new Error(`it answered ${status}`)
    const answer = JSON.parse(text) as { value?: unknown }
    if (typeof answer.value !== 'string') throw new Error('its answer has no value')
    return new Secret(answer.value)
  } catch (cause) {
    throw new MayflyError('bad_token', `GitHub gave no identity token: ${messageOf(cause)}`, { cause })
  }
}
