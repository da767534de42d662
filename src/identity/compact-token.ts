import { limits } from '../lib/index.ts'
import { refuse, type Refused } from './identity.ts'
import { parseStrictJson } from './strict-json.ts'

/** What the signature of a token is checked by. */
export interface SignedToken {
  readonly alg: SignatureAlgorithm
  readonly kid: string | undefined
  /** What it is over (RFC 7515, section 5.1): header and payload as they were sent. */
  readonly input: string
  /** Base64url. */
  readonly signature: string
}

/** The parts of a JWS in compact form, read but not verified. */
export interface CompactToken {
  readonly ok: true
  readonly signed: SignedToken
  readonly claims: Readonly<Record<string, unknown>>
  readonly payloadBytes: Uint8Array
}

/** Asymmetric ones alone (RFC 7518, section 3.1; RFC 8037; RFC 9864): what is verified with a published key. */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type SignatureAlgorithm = (typeof signatureAlgorithms)[number]
/** Parameters that bring or fetch a key, wrap another token, or change what is signed: no CI's token has them. */
const refusedParameters = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'cty', 'zip', 'enc'] as const
/** A token of another type was meant for something else (RFC 8725, section 3.11). Types are media types: in any case. */
const types: readonly string[] = ['jwt', 'jose']
const maxKidLength = 256

/** Reads a token of a stranger, size first. Nothing is fetched, and nothing read here is believed. */
export function parseCompactToken(text: string): CompactToken | Refused {
  if (text.length > limits.identityTokenBytes)
    return refuse('token_oversized', `over ${limits.identityTokenBytes} bytes`)
  const parts = text.split('.')
  if (parts.length !== 3) return refuse('token_malformed', 'a token has three parts with a dot between them')
  const [header = '', payload = '', signature = ''] = parts
  if (header.length > limits.identityTokenHeaderBytes)
    return refuse('token_oversized', `a header of more than ${limits.identityTokenHeaderBytes} bytes`)
  const read = readHeader(header)
  if (!read.ok) return read
  const payloadBytes = decodePart(payload)
  // A signature that could be written in two ways would make two tokens of one.
  if (payloadBytes === undefined || decodePart(signature) === undefined)
    return refuse('token_malformed', 'a part is no base64url without padding (RFC 7515, section 2)')
  const claims = parseStrictJson(payloadBytes)
  if (!claims.ok) return refuse('token_malformed', `the payload cannot be read: ${claims.detail}`)
  const signed = { alg: read.alg, kid: read.kid, input: `${header}.${payload}`, signature }
  return { ok: true, signed, claims: claims.value, payloadBytes }
}

function readHeader(part: string): ({ ok: true } & Pick<SignedToken, 'alg' | 'kid'>) | Refused {
  const bytes = decodePart(part)
  const header = bytes === undefined ? undefined : parseStrictJson(bytes)
  if (header === undefined) return refuse('token_malformed', 'the header is no base64url without padding')
  if (!header.ok) return refuse('token_malformed', `the header cannot be read: ${header.detail}`)
  const { alg: named, kid, typ } = header.value
  // `none` and HMAC never get as far as a key: a public key must not serve as an HMAC secret.
  const alg = signatureAlgorithms.find((one) => one === named)
  if (alg === undefined)
    return refuse('algorithm_refused', `alg ${(JSON.stringify(named) ?? 'missing').slice(0, 80)}`)
  const found = refusedParameters.find((name) => Object.hasOwn(header.value, name))
  if (found !== undefined) return refuse('header_refused', `a CI's token has no ${found} in its header`)
  if (typ !== undefined && (typeof typ !== 'string' || !types.includes(typ.toLowerCase())))
    return refuse('header_refused', `typ ${JSON.stringify(typ).slice(0, 80)} is no identity token`)
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKidLength))
    return refuse('key_unknown', `a kid is a text of at most ${maxKidLength} characters`)
  return { ok: true, alg, kid }
}

/** Bytes of base64url in its one canonical form, or `undefined`. */
function decodePart(part: string): Uint8Array | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}
