import { MayflyError, limits, messageOf, type Clock } from '../lib/index.ts'

/** The signing keys of one issuer, found by OpenID Connect Discovery 1.0 and kept for a while. */
export interface IssuerKeys {
  /**
   * Its keys. `fresh` asks the issuer again (a rotated key), at most every 10 s.
   * Throws MayflyError `issuer_unreachable` if the issuer cannot be asked and nothing usable is kept.
   */
  get(fresh?: boolean): Promise<KnownKeys>
  /** Seconds until it may be asked again. */
  retryAfterSeconds(): number
}

export interface KnownKeys {
  /** JWKS (RFC 7517, section 5) as JSON text. */
  readonly jwks: string
  /** When the request went out that brought them, in milliseconds since the Unix epoch. */
  readonly askedMs: number
}

const keepMs = 10 * 60_000
/** Keys of an issuer that stopped answering are used this long, then no more: a revoked key must die. */
const staleMs = 60 * 60_000
const askAgainMs = 10_000

interface Kept extends KnownKeys {
  readonly fetchedMs: number
}

export function createIssuerKeys(deps: { url: string; fetch: typeof fetch; clock: Clock }): IssuerKeys {
  let kept: Kept | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<Kept> | undefined
  let problem: unknown

  async function ask(): Promise<Kept> {
    const startedMs = deps.clock.nowMs()
    askedMs = startedMs
    const jwks = await fetchKeys(deps.url, deps.fetch)
    kept = { jwks, askedMs: startedMs, fetchedMs: deps.clock.nowMs() }
    return kept
  }

  return {
    retryAfterSeconds() {
      const leftMs = askedMs + askAgainMs - deps.clock.nowMs()
      return Math.min(Math.max(Math.ceil(leftMs / 1000), 1), askAgainMs / 1000)
    },
    async get(fresh = false) {
      const age = kept === undefined ? Number.POSITIVE_INFINITY : deps.clock.nowMs() - kept.fetchedMs
      const usable = kept !== undefined && age < staleMs ? kept : undefined
      if (usable !== undefined && !fresh && age < keepMs) return usable
      if (asking === undefined && deps.clock.nowMs() - askedMs < askAgainMs) {
        if (usable !== undefined) return usable
        // An issuer that is down is not asked once per token that anybody sends.
        throw problem ?? unreachable(deps.url, 'it was asked a moment ago')
      }
      // One request at a time, however many tokens wait for it.
      asking ??= ask().finally(() => {
        asking = undefined
      })
      try {
        return await asking
      } catch (error) {
        problem = error
        if (usable !== undefined) return usable
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
  return JSON.stringify({ keys: keys.filter(isUsable).map(membersOf) })
}

/** What is read of a key (RFC 7517, section 4; RFC 7518, section 6). With a private part it is refused, so that is kept. */
const members = [
  'kty',
  'kid',
  'alg',
  'use',
  'key_ops',
  'ext',
  'crv',
  'x',
  'y',
  'n',
  'e',
  'd',
  'priv',
] as const
/** 16,384 bits in base64url; what OpenSSL does with a key grows faster than the key. */
const maxModulusLength = 2_731
/** RFC 7517, section 4.3, knows eight. */
const maxOperations = 8

/** Only asymmetric keys, a symmetric one published by mistake must never verify anything; and none that costs more than it is worth. */
function isUsable({ kty, n, e, key_ops: operations }: Record<string, unknown>): boolean {
  if (Array.isArray(operations) && operations.length > maxOperations) return false
  if (kty === 'EC' || kty === 'OKP') return true
  return kty === 'RSA' && typeof n === 'string' && n.length <= maxModulusLength && isExponent(e)
}

/** RFC 8017, section 3.1: odd, and 3 at least; with 1 anybody could sign. */
function isExponent(text: unknown): boolean {
  if (typeof text !== 'string' || text.length > 11) return false
  const hex = Buffer.from(text, 'base64url').toString('hex')
  const value = hex === '' ? 0n : BigInt(`0x${hex}`)
  return value >= 3n && value % 2n === 1n
}

function membersOf(key: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(members.filter((name) => name in key).map((name) => [name, key[name]]))
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
