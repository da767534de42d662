import { MayflyError, canonicalHost } from '../../lib/index.ts'

/** Where a tool wants to log in. */
export interface Place {
  readonly protocol: 'https' | 'http'
  readonly host: string
  readonly port: number
  /** Without slashes at its ends; empty for the host as a whole. */
  readonly path: string
}

/** A connection whose credential may be handed out. */
export interface Offered {
  readonly name: string
  readonly kind: string
  readonly url: string
}

/**
 * What a tool names, as one place; undefined for what is none. A helper is asked in the name of whatever address a tool was sent to, so
 * nothing is mended here: a control character, a user, an escape or a `..` is no address (CVE-2020-5260, CVE-2024-50338). A space git has
 * decoded itself: Azure DevOps' projects have them.
 */
export function readPlace(url: string): Place | undefined {
  const parts = /^(https?):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:\/(.*))?$/.exec(url)
  if (parts === null || url.length > 2_000) return undefined
  const [, protocol, name = '', written, path = ''] = parts
  const host = canonicalHost(name)
  const port = written === undefined ? (protocol === 'https' ? 443 : 80) : Number(written)
  if (host === undefined || port < 1 || port > 65_535) return undefined
  const plain = path.replace(/^\/+|\/+$/g, '')
  if (!/^[A-Za-z0-9._~@+/ -]*$/.test(plain) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(plain)) return undefined
  return { protocol: protocol === 'https' ? 'https' : 'http', host, port, path: plain }
}

/**
 * The connection that is for this place, of these kinds: its own scheme, host and port, and below its path. In the clear only to this machine.
 */
export function connectionAt(
  place: Place,
  offered: readonly Offered[],
  kinds: readonly string[],
): Offered | undefined {
  return offered.find(({ kind, url }) => {
    const own = readPlace(url.replace(/[?#].*$/, '').replaceAll('%20', ' '))
    if (own === undefined || !kinds.includes(kind)) return false
    if (own.protocol === 'http' && !/^(?:127\.|::1$|localhost$)/.test(own.host)) return false
    const isSame = own.protocol === place.protocol && own.host === place.host && own.port === place.port
    const below = own.path === '' || place.path === own.path || place.path.startsWith(`${own.path}/`)
    return isSame && below
  })
}

/** The one that was named, or the only one there is of these kinds. Throws `denied`. */
export function namedConnection(
  name: string | undefined,
  offered: readonly Offered[],
  kinds?: readonly string[],
): Offered {
  const fitting = offered.filter(({ kind }) => kinds === undefined || kinds.includes(kind))
  const found = name === undefined ? fitting : fitting.filter((one) => one.name === name)
  const [one, ...others] = found
  if (one !== undefined && others.length === 0) return one
  const known = fitting.map((each) => each.name).join(', ')
  throw new MayflyError(
    'denied',
    one === undefined
      ? `the role hands out no credential${name === undefined ? '' : ` of "${name}"`} for this tool${known === '' ? '' : `; it has ${known}`}: grant KIND:credential CONNECTION`
      : `say which with --connection: ${known}`,
  )
}

/** A field that goes into a line of its own somewhere. Throws `credential_failed` for one that would be more than that. */
export function oneLine(fields: Readonly<Record<string, string>>, name: string): string {
  const value = fields[name]
  if (value === undefined || value === '' || /\p{Cc}/u.test(value))
    throw new MayflyError(
      'credential_failed',
      `the issuer of this connection gives no ${name} in one line, which this tool needs`,
    )
  return value
}

/** User and password, as Basic wants them: a token alone goes by any user's name. */
export function loginOf(fields: Readonly<Record<string, string>>): { username: string; password: string } {
  const hasPassword = fields['password'] !== undefined
  return {
    username: fields['username'] === undefined ? 'x-access-token' : oneLine(fields, 'username'),
    password: oneLine(fields, hasPassword ? 'password' : 'token'),
  }
}
