import { createHmac } from 'node:crypto'
import type { Random } from '../random.ts'

export function jwt(random: Random): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    iss: 'https://id.northwind.io',
    sub: random.uuid(),
    aud: 'api',
    scope: 'orders:write',
    iat: 1_780_000_000 + random.below(9_000_000),
    exp: 1_990_000_000,
  }
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${head}.${createHmac('sha256', random.bytes(32)).update(head).digest('base64url')}`
}
