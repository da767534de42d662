import type { Environment } from '../../config/environment.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { fetchIdentityToken } from '../../runner/index.ts'
import { callServer, createOperatorApi, findOperatorToken } from '../operator-api.ts'
import type { Elsewhere, Me } from './check.ts'

/** Asks the server who we are to it: by the CI's identity token where there is one, else by the API token. */
export async function askMe(server: string | undefined, environment: Environment): Promise<Me> {
  if (server === undefined) return { kind: 'nobody', why: 'no server is named that could be asked' }
  try {
    if (environment.identitySource.kind !== 'none') return await askAsJob(server, environment)
    if (findOperatorToken(server) !== undefined) return await askAsOperator(server)
  } catch (error) {
    if (error instanceof MayflyError && error.code === 'upstream_unreachable') return { kind: 'unreached' }
    return { kind: 'refused', why: messageOf(error) }
  }
  return { kind: 'nobody', why: 'there is no identity token of a CI job here, and no API token' }
}

async function askAsJob(server: string, environment: Environment): Promise<Me> {
  const audience = environment.audience ?? server
  const token = await fetchIdentityToken({ environment, audience, untrusted: [process.cwd()] })
  const answer = await callServer<{ issuer: string; roles: { name: string }[]; server: Elsewhere }>(
    server,
    'POST',
    '/v1/whoami',
    { body: { identity_token: token.reveal() } },
  )
  return {
    kind: 'job',
    issuer: answer.issuer,
    roles: answer.roles.map(({ name }) => name),
    at: answer.server,
  }
}

async function askAsOperator(server: string): Promise<Me> {
  const answer = await createOperatorApi({ server }).call<{ name: string; server: Elsewhere }>(
    'GET',
    '/v1/whoami',
  )
  return { kind: 'operator', name: answer.name, at: answer.server }
}
