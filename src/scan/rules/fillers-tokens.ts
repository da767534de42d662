import { randomBytesOf, type Filler } from './filling.ts'

function json64(value: unknown, encoding: 'base64' | 'base64url' = 'base64url'): string {
  return Buffer.from(JSON.stringify(value)).toString(encoding)
}

/** `a,b`: an object with these members, and some text at random in each. */
function objectOf(told: string, random: () => number): Record<string, string> {
  return Object.fromEntries(
    told.split(',').map((name) => [name, randomBytesOf(16, random).toString('hex')] as const),
  )
}

function field(type: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, content.length]), content])
}

/** Tokens that have more structure than an alphabet and a length. */
export const tokenFillers: Readonly<Record<string, Filler>> = {
  /** `{jwt}`, or with claims of these names: `{jwt:tid,uid}`. */
  jwt: ({ told, random }) => {
    const at = 1_700_000_000 + Math.floor(random() * 90_000_000)
    const claims = { ...(told === '' ? {} : objectOf(told, random)), sub: 'svc', iat: at, exp: at + 3600 }
    const head = json64({ alg: 'HS256', typ: 'JWT' })
    return `${head}.${json64(claims)}.${randomBytesOf(32, random).toString('base64url')}`
  },
  /** `{"role":"service_role",…}` as Supabase's keys have it: a claim with its value, `{jwt-claim:role=service_role}`. */
  'jwt-claim': ({ told, random }) => {
    const [name = '', value = ''] = told.split('=')
    const at = 1_700_000_000 + Math.floor(random() * 90_000_000)
    const claims = { iss: 'supabase', [name]: value, iat: at, exp: at + 315_360_000 }
    const head = json64({ alg: 'HS256', typ: 'JWT' })
    return `${head}.${json64(claims)}.${randomBytesOf(32, random).toString('base64url')}`
  },
  /** A user and a password in base64. */
  basic: ({ random }) =>
    Buffer.from(`svc:${randomBytesOf(12, random).toString('base64url')}`).toString('base64'),
  json64: ({ told, random }) => json64(objectOf(told, random), 'base64'),
  json64url: ({ told, random }) => json64(objectOf(told, random)),
  /** Behind `pypi-`: a macaroon of `{pypi-macaroon:pypi.org}`. */
  'pypi-macaroon': ({ told, random }) => {
    const id = Buffer.from(randomBytesOf(18, random).toString('hex'))
    const caveat = Buffer.from('{"permissions": "user", "version": 1}')
    return Buffer.concat([
      Buffer.from([2]),
      ...[field(1, Buffer.from(told)), field(2, id), Buffer.from([0])],
      ...[field(2, caveat), Buffer.from([0, 0]), field(6, randomBytesOf(32, random))],
    ]).toString('base64url')
  },
  /** A GitLab routable token's payload with its version and length, before the checksum. */
  'gitlab-payload': ({ random }) => {
    const routing = Buffer.from(`o:1\nu:${Math.floor(random() * 1e6).toString(36)}`)
    const payload = Buffer.concat([randomBytesOf(16, random), routing, Buffer.from([routing.length])])
    const text = payload.toString('base64url')
    return `${text}.01.${text.length.toString(36).padStart(2, '0')}`
  },
}
