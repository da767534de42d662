import { createPrivateKey, sign } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'
import type { Rotator } from '../rotator.ts'

const lifeSeconds = 300
/** Clocks differ: GitHub refuses a token from its future. */
const backSeconds = 60

/** GitHub makes keys of an App on its settings page only: a person makes it, and both are probed. */
export const githubAppKey: Rotator<'github-app-key'> = {
  name: 'github-app-key',
  tells:
    'tells people that a new key is to be made, probes it when it is set, and probes the old one until it is deleted',
  byPerson:
    'GitHub has no API for keys of an App: make one on its settings page (Private keys), run mayfly secret set, then delete the old one there',
  inPlace: () => false,
  plan: () => refuse(),
  create: () => refuse(),
  afterLostAnswer: () => refuse(),
  async probe({ config }, { value }, { clock, http }) {
    const api = (config.api ?? 'https://api.github.com').replace(/\/$/, '')
    const now = Math.floor(clock.nowMs() / 1000)
    const claims = { iat: now - backSeconds, exp: now + lifeSeconds, iss: String(config.app_id) }
    const headers = {
      authorization: `Bearer ${jwt(claims, value?.reveal() ?? '')}`,
      accept: 'application/vnd.github+json',
    }
    const { status } = await http.ask({ method: 'GET', url: `${api}/app`, headers })
    if (status === 200) return 'alive'
    return status === 401 ? 'dead' : 'unknown'
  },
  revoke: async () => 'not_known',
}

function refuse(): never {
  throw new MayflyError('config_invalid', 'keys of a GitHub App are made by people')
}

/** RFC 7515, compact, RS256: what GitHub takes. */
function jwt(claims: object, pem: string): string {
  let key
  try {
    key = createPrivateKey(pem)
  } catch {
    // Its message could quote what it could not read.
    throw new MayflyError('credential_failed', 'the secret is no private key in PEM')
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}
