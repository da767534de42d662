import type { HttpAnswer, HttpClient } from '../../http-client/index.ts'
import { Secret, type Clock } from '../../lib/index.ts'
import type { SecretStoreConfig } from '../../config/index.ts'
import {
  asObject,
  gone,
  objectIn,
  refused,
  statusProblem,
  textIn,
  type Reference,
  type SecretStore,
} from './store.ts'

type Config = Extract<SecretStoreConfig, { kind: 'openbao' }>

/** A token is asked for anew that long before it ends. */
const earlyMs = 30_000

/**
 * OpenBao and HashiCorp Vault: KV version 2 (`GET /v1/MOUNT/data/PATH?version=N`), by a token that is a secret, or by one that
 * the JWT method gives for Mayfly's own identity (`POST /v1/auth/MOUNT/login`).
 */
export function openbaoStore(
  config: Config,
  deps: {
    http: HttpClient
    clock: Clock
    openSecret: (name: string) => Promise<Secret>
    identity: (audience: string) => Promise<Secret>
  },
): SecretStore {
  const base = config.url.replace(/\/$/, '')
  const inNamespace = config.namespace === undefined ? '' : ` in the namespace ${config.namespace}`
  let loggedIn: { token: Secret; untilMs: number } | undefined

  async function ask(
    method: 'GET' | 'POST',
    path: string,
    token?: Secret,
    body?: unknown,
  ): Promise<HttpAnswer> {
    return await deps.http.ask({
      ...{ method, url: `${base}/v1/${path}`, ca: config.ca },
      headers: {
        'x-vault-request': 'true',
        ...(token === undefined ? {} : { 'x-vault-token': token.reveal() }),
        ...(config.namespace === undefined ? {} : { 'x-vault-namespace': config.namespace }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  async function token(): Promise<Secret> {
    if ('token' in config.auth) {
      const kept = await deps.openSecret(config.auth.token.slice('secret:'.length))
      return new Secret(kept.reveal().trim())
    }
    if (loggedIn !== undefined && deps.clock.nowMs() < loggedIn.untilMs) return loggedIn.token
    const { role, mount, audience = config.url } = config.auth.jwt
    const jwt = await deps.identity(audience)
    const answer = await ask('POST', `auth/${mount}/login`, undefined, { role, jwt: jwt.reveal() })
    if (answer.status === 400 || answer.status === 403)
      throw refused(
        `it does not take Mayfly’s identity for the role ${role} (status ${answer.status}): check that the role is there, its bound_audiences and bound_subject, that auth/${mount} is enabled${inNamespace}, and its oidc_discovery_url`,
      )
    if (answer.status !== 200) throw statusProblem(answer.status)
    const auth = asObject(objectIn(answer)['auth']) ?? {}
    const seconds = typeof auth['lease_duration'] === 'number' ? auth['lease_duration'] : 0
    const made = new Secret(textIn(auth, 'client_token'))
    loggedIn = { token: made, untilMs: deps.clock.nowMs() + seconds * 1000 - earlyMs }
    return made
  }

  async function readOnce({ path, version }: Reference): Promise<HttpAnswer> {
    const place = `${config.mount}/data/${path.split('/').map(encodeURIComponent).join('/')}`
    return await ask('GET', version === undefined ? place : `${place}?version=${version}`, await token())
  }

  return {
    async read(reference) {
      const wasLoggedIn = loggedIn !== undefined
      let answer = await readOnce(reference)
      // Somebody may have revoked the token that is kept: once more with a new one.
      if (answer.status === 403 && wasLoggedIn) {
        loggedIn = undefined
        answer = await readOnce(reference)
      }
      const data = asObject(objectIn(answer)['data']) ?? {}
      const metadata = asObject(data['metadata'])
      if (answer.status === 404 && metadata !== undefined)
        throw gone(
          `version ${String(metadata['version'])} is ${metadata['destroyed'] === true ? 'destroyed' : 'deleted'} there`,
        )
      // So it answers, too, for KV version 1, and for a mount that is not there.
      if (answer.status === 404)
        throw gone(
          `it has nothing there: check the path, the version, and that its mount ${config.mount} is there${inNamespace} and is KV version 2`,
        )
      if (answer.status !== 200) throw statusProblem(answer.status)
      const fields = asObject(data['data'])
      if (metadata === undefined || fields === undefined)
        throw refused(`its mount ${config.mount} is not KV version 2`)
      return { value: textIn(fields, fieldMeant(fields, reference)), version: String(metadata['version']) }
    },
  }
}

function fieldMeant(fields: Readonly<Record<string, unknown>>, { field }: Reference): string {
  const names = Object.keys(fields)
  if (field !== undefined) return field
  if (names.length === 1 && names[0] !== undefined) return names[0]
  throw refused(`it has ${names.length} fields there: say which with \`field\``)
}
