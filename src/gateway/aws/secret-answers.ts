import type { Keys } from './sigv4.ts'

/** An answer of STS with the credential in it taken out; undefined if none can be read of it. */
export function takeSession(
  text: string,
): { keys: Keys; withStandIn: (id: string, secret: string) => string } | undefined {
  const one = (name: string) => {
    const found = [...text.matchAll(new RegExp(`<${name}>([^<]+)</${name}>`, 'g'))]
    // One with an attribute would stay as it is.
    const isAlone = text.split(`<${name}`).length === 2
    return found.length === 1 && isAlone ? found[0]?.[1]?.trim() : undefined
  }
  const [accessKeyId, secretAccessKey, sessionToken] = [
    one('AccessKeyId'),
    one('SecretAccessKey'),
    one('SessionToken'),
  ]
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    return undefined
  return {
    keys: { accessKeyId, secretAccessKey, sessionToken },
    withStandIn(id, secret) {
      const put = (name: string, value: string, to: string) =>
        to.replace(new RegExp(`(<${name}>)[^<]+`), (_whole, before: string) => `${before}${value}`)
      return put('SessionToken', secret, put('SecretAccessKey', secret, put('AccessKeyId', id, text)))
    },
  }
}

/** What `docker login` is given in place of a registry's token: the registry is a connection, and has a credential of its own. */
const registryStandIn = Buffer.from('AWS:held-by-the-gateway').toString('base64')

/** ECR's answer to GetAuthorizationToken without its tokens; undefined if it is none. */
export function withoutRegistryToken(text: string): string | undefined {
  try {
    const { authorizationData } = JSON.parse(text) as { authorizationData?: Record<string, unknown>[] }
    if (!Array.isArray(authorizationData)) return undefined
    const shown = authorizationData.map(({ expiresAt, proxyEndpoint }) => ({
      authorizationToken: registryStandIn,
      expiresAt,
      proxyEndpoint,
    }))
    return JSON.stringify({ authorizationData: shown })
  } catch {
    return undefined
  }
}
