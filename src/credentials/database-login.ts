import { randomBytes } from 'node:crypto'
import { MayflyError, type Secret } from '../lib/index.ts'
import type { HeldConnection, Plain } from './issuer.ts'

/** Who logs in to a database, and where that stands for people. */
export interface Login {
  readonly user: string
  readonly password: string
  /** The secret that it is in; undefined for one that Mayfly made. */
  readonly secret?: string
}

/** Throws `bad_input` unless the secret is `user:password`. */
export function loginIn(secret: Secret, name: string): Login {
  const text = secret.reveal().trim()
  const at = text.indexOf(':')
  const login = { user: text.slice(0, at), password: text.slice(at + 1), secret: name }
  if (at > 0 && login.password !== '' && !text.includes('\0')) return login
  throw new MayflyError(
    'bad_input',
    `secret "${name}" is not user:password of the account that makes accounts: mayfly secret set ${name}`,
  )
}

/** 256 random bits in letters that no connection string, shell or password file needs to escape. */
export function newPassword(): string {
  return randomBytes(32).toString('base64url')
}

/** The login in a handle: what a thief would have. */
export function loginInHandle(handle: Plain | undefined): Login | undefined {
  const { username: user, password } = (handle ?? {}) as { username?: unknown; password?: unknown }
  return typeof user === 'string' && typeof password === 'string' ? { user, password } : undefined
}

/** A server’s words on one line, without what must not be repeated. */
export function serverWords(text: string, login: Login): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, ' ').replaceAll(login.password, '[secret]')
  return line.length > 500 ? `${line.slice(0, 500)}...` : line
}

export function placeName({ name, host, port }: HeldConnection): string {
  return `${name} (${host.includes(':') ? `[${host}]` : host}:${port})`
}
