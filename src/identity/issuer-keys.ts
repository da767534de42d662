import { MayflyError, limits, messageOf, type Clock } from '../lib/index.ts'

/** The signing keys of one issuer, found by OpenID Connect Discovery 1.0 and kept for a while. */
export interface IssuerKeys {
  /**
   * Its JWKS (RFC 7517, section 5) as JSON text. `fresh` asks the issuer again (a rotated key), at most every 10 s.
   * Throws MayflyError `issuer_unreachable` if the issuer cannot be asked and nothing usable is kept.
   */
  get(fresh?: boolean): Promise<string>
}

const keepMs = 10 * 60_000
/** Keys of an issuer that stopped answering are used this long, then no more: a revoked key must die. */
const staleMs = 60 * 60_000
const askAgainMs = 10_000

interface Kept {
  jwks: string
  fetchedMs: number
}

export function createIssuerKeys(deps: { url: string; fetch: typeof fetch; clock: Clock }): IssuerKeys {
  let kept: Kept | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<Kept> | undefined
  let problem: unknown

  async function ask(): Promise<Kept> {
    askedMs = deps.clock.nowMs()
    const jwks = await fetchKeys(deps.url, deps.fetch)
    kept = { jwks, fetchedMs: deps.clock.nowMs() }
    return kept
  }

  return {
    async get(fresh = false) {
      const age = kept === undefined ? Number.POSITIVE_INFINITY : deps.clock.nowMs() - kept.fetchedMs
      const usable = kept !== undefined && age < staleMs ? kept : undefined
      if (usable !== undefined && !fresh && age < keepMs) return usable.jwks
      if (asking === undefined && deps.clock.nowMs() - askedMs < askAgainMs) {
        if (usable !== undefined) return usable.jwks
        // An issuer that is down is not asked once per token that anybody sends.
        throw problem ?? unreachable(deps.url, 'it was asked a moment ago')
      }
      // One request at a time, however many tokens wait for it.
      asking ??= ask().finally(() => {
        asking = undefined
      })
      try {
        return (await asking).jwks
      } catch (error) {
        problem = error
        if (usable !== undefined) return usable.jwks
        throw error
      }
    },
  }
}

async function fetchKeys(issuerUrl: string, fetcher: typeof fetch): Promise<string> {
  const base = issuerUrl.replace(/\/$/, '')
  const discovery = await fetchJson(`${base}/.well-known/openid-configuration`, issuerUrl, fetcher)
  // OpenID Connect Discovery 1.0, section 4.3: the issuer must be exactly the one that was asked.
  if (discovery['issuer'] !== issuerUrl) {
    throw unreachable(
      issuerUrl,
      `its discovery document names the issuer ${JSON.stringify(discovery['issuer'])}`,
    )
  }
  const jwksUri = discovery['jwks_uri']
  if (
    typeof jwksUri !== 'string' ||
    !URL.canParse(jwksUri) ||
    new URL(jwksUri).protocol !== new URL(issuerUrl).protocol
  ) {
    throw unreachable(issuerUrl, 'its discovery document has no usable jwks_uri')
  }
  const jwks = await fetchJson(jwksUri, issuerUrl, fetcher)
  const keys = jwks['keys']
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > limits.issuerKeys || !keys.every(isObject)) {
    throw unreachable(issuerUrl, `its JWKS does not hold 1 to ${limits.issuerKeys} keys`)
  }
  // Only asymmetric keys: a symmetric one published by mistake must never verify anything.
  const usable = keys.filter((key) => key['kty'] === 'RSA' || key['kty'] === 'EC' || key['kty'] === 'OKP')
  // The certificates that some issuers publish beside a key are not looked at, and are most of the text.
  return JSON.stringify({ keys: usable.map(({ x5c: _, ...key }) => key) })
}

async function fetchJson(
  url: string,
  issuerUrl: string,
  fetcher: typeof fetch,
): Promise<Record<string, unknown>> {
  try {
    const response = await fetcher(url, {
      redirect: 'error',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(limits.issuerTimeoutMs),
    })
    const text = await readBounded(response, limits.issuerDocumentBytes)
    if (!response.ok) throw new Error(`${url} answered ${response.status}`)
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null) throw new Error(`${url} is no JSON object`)
    return parsed as Record<string, unknown>
  } catch (cause) {
    throw unreachable(issuerUrl, messageOf(cause), cause)
  }
}

async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`${response.url} is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unreachable(issuerUrl: string, why: string, cause?: unknown): MayflyError {
  return new MayflyError(
    'issuer_unreachable',
    `issuer ${issuerUrl} could not be asked for its keys: ${why}`,
    { cause },
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
