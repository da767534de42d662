import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { MayflyError, Secret } from '../lib/index.ts'
import { secretName } from '../config/index.ts'
import { partsOf, registryTokenProblem } from '../kinds/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import { apiOf } from './api.ts'
import type { CredentialIssuer, MintRequest } from './issuer.ts'
import { leaseName } from './lease-name.ts'
import { bearer } from './shown-token.ts'

type Config = IssuerConfig<'registry-token'>
type Request = MintRequest<'registry-token'>

/** A registry believes a token until it ends: nobody can take it back, so it is short, and a new one follows. */
const longestSeconds = 300
/** A registry's clock may be behind. */
const clockLeewaySeconds = 60
/** What one request's head has room for. */
const longestToken = 8_192

/**
 * Tokens that Mayfly signs itself for a registry that trusts its key. Source: distribution, "Token Authentication Implementation" and
 * "Token Scope Documentation". No upstream is asked, so nothing is ever made that nobody has heard of.
 */
export const registryToken: CredentialIssuer<'registry-token'> = {
  name: 'registry-token',
  longestSeconds,
  revocation: () => ({ means: 'by_expiry' }),
  plan: () => ({}),
  async mint(request, _plan, tools) {
    const { config, lease, role, connection } = request
    const access = accessOf(request)
    const name = secretName(config.key)
    const { key, alg } = readKey(await tools.openSecret(name), name)
    const now = Math.floor(tools.clock.nowMs() / 1000)
    const expires = now + Math.max(1, Math.min(request.ttlSeconds, longestSeconds))
    const token = await new SignJWT({ access: access.map((one) => ({ ...one })) })
      .setProtectedHeader({ alg, typ: 'JWT', ...proofOf(config, key, connection.name) })
      .setIssuer(config.issuer)
      .setAudience(config.service)
      .setSubject(`mayfly:${role}`)
      .setIssuedAt(now)
      .setNotBefore(now - clockLeewaySeconds)
      .setExpirationTime(expires)
      .setJti(leaseName(lease))
      .sign(key)
    if (token.length > longestToken)
      throw new MayflyError(
        'credential_failed',
        `connection "${connection.name}": the role's grants name too many repositories for one token: take a role for some of them`,
      )
    return {
      fields: { token: new Secret(token) },
      authorization: bearer(token),
      expiresMs: expires * 1000,
      handle: { token },
      facts: {
        access: access.map(({ type, name: resource, actions }) => `${type}:${resource}:${actions.join(',')}`),
      },
    }
  },
  async revoke() {
    return 'nothing_to_do'
  },
  /** Whoever holds a good token may ask for the root of the API (OCI distribution-spec, end-1). */
  async probe({ connection, handle }, tools) {
    const { token } = (handle ?? {}) as { token?: unknown }
    if (typeof token !== 'string') return 'unknown'
    const root = new URL(connection.url).origin
    const api = apiOf(root, { tools, connection, secrets: [new Secret(token)] })
    const { status } = await api.ask({
      method: 'GET',
      url: `${root}/v2/`,
      headers: { authorization: `Bearer ${token}` },
    })
    if (status === 401) return 'dead'
    return status === 200 ? 'alive' : 'unknown'
  },
}

interface Access {
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly string[]
}

/** Whoever pushes looks first what is there. A tag that is moved is pushed, as far as the registry knows. */
const actionsOf: Readonly<Record<string, readonly string[]>> = {
  pull: ['pull'],
  list: ['pull'],
  push: ['pull', 'push'],
  force: ['pull', 'push'],
  delete: ['delete'],
}

/** Registries compare names, and know no patterns in a token. */
function accessOf({ connection, grants }: Request): Access[] {
  const problem = registryTokenProblem(grants)
  if (problem !== undefined)
    throw new MayflyError('credential_failed', `connection "${connection.name}": ${problem}`)
  const parts = partsOf(grants)
  const repositories = new Map<string, Set<string>>()
  for (const { word, path } of parts) {
    if (word === 'catalog') continue
    const actions = repositories.get(path) ?? new Set<string>()
    for (const action of actionsOf[word] ?? []) actions.add(action)
    repositories.set(path, actions)
  }
  const named = [...repositories].map(([name, actions]) => ({
    type: 'repository' as const,
    name,
    actions: [...actions],
  }))
  const lists = parts.some(({ word }) => word === 'catalog')
  return lists ? [...named, { type: 'registry', name: 'catalog', actions: ['*'] }] : named
}

function readKey(pem: Secret, name: string): { key: KeyObject; alg: 'ES256' | 'RS256' } {
  try {
    const key = createPrivateKey(pem.reveal())
    if (key.asymmetricKeyType === 'rsa') return { key, alg: 'RS256' }
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return { key, alg: 'ES256' }
  } catch {
    // What OpenSSL says of it could repeat it.
  }
  throw new MayflyError(
    'bad_input',
    `secret "${name}" is no private key in PEM, EC on P-256 or RSA: mayfly secret set ${name}`,
  )
}

/** By what the registry knows the key: its certificate in the token, or its id among those of `rootcertbundle`. */
function proofOf(
  { certificate, kid }: Config,
  key: KeyObject,
  connection: string,
): { x5c?: string[]; kid?: string } {
  if (certificate === undefined) return { kid: kid ?? keyId(key) }
  const blocks = certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const chain = blocks.map((block) => new X509Certificate(block))
  if (chain[0]?.checkPrivateKey(key) !== true)
    throw new MayflyError(
      'bad_input',
      `connection "${connection}": \`certificate\` is another key's than the one in \`key\``,
    )
  return { ...(kid === undefined ? {} : { kid }), x5c: chain.map(({ raw }) => raw.toString('base64')) }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** As libtrust has it: 240 bits of the SHA-256 of the public key (DER, SPKI), in base32 (RFC 4648), by four. */
function keyId(key: KeyObject): string {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const bits = [...createHash('sha256').update(der).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
  const text = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('')
  return (text.match(/.{4}/g) ?? []).join(':')
}
