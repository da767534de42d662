import { z } from 'zod'
import { isLinkLocal } from '../lib/index.ts'

/** A URL that says where something is and nothing else: no user, no query, no fragment. `when` tells of http://. */
export function plainUrl(when: string) {
  return z
    .string()
    .refine(isPlainUrl, `an https:// URL without user, query or fragment (http:// only ${when})`)
}

/** Where a protocol of bytes is: its name, host and port. `databaseKey`: beside it, what people write into URLs. */
export function streamUrl(protocol: string, usual?: number, databaseKey?: string) {
  const port = usual === undefined ? ':[0-9]{1,5}' : '(?::[0-9]{1,5})?'
  const form = new RegExp(String.raw`^${protocol}://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)${port}$`)
  const which = usual === undefined ? 'and a port' : `and a port, unless it is ${usual}`
  const rule = `${protocol}:// with a host ${which}, such as ${protocol}://one.internal:${usual ?? 6379}`
  const explain = (text: string) => [rule, ...wrongIn(text, protocol, databaseKey)].join('; ')
  return z
    .string()
    .regex(form, { error: ({ input }) => explain(String(input)) })
    .describe('Where it is, as the tools in a step name it.')
}

/** What of a URL, as tools take them, stands elsewhere here; nothing of its user and password is repeated. */
function wrongIn(text: string, protocol: string, databaseKey: string | undefined): string[] {
  const [, scheme, user, path = '', query] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*@)?[^/?#]*(?:\/([^?#]*))?([?#].*)?$/s.exec(text) ?? []
  const database = databaseKey === undefined ? undefined : `the database is ${databaseKey}: ${path}`
  return [
    ...(scheme === undefined ? [`write ${protocol}:// before it`] : []),
    ...(scheme === undefined || scheme === protocol ? [] : [`write ${protocol}:// for ${scheme}://`]),
    ...(scheme === `${protocol}s` ? ['for TLS write tls: verify'] : []),
    ...(user === undefined
      ? []
      : ['user and password are a secret, of which the credential says the name: { basic: secret:NAME }']),
    ...(path === '' ? [] : [database ?? 'nothing stands behind the port']),
    ...(query === undefined ? [] : ['parameters of the client stand in the step']),
  ]
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  return plain && (url.protocol === 'https:' || url.protocol === 'http:')
}

/** Where the server itself asks with a credential: in the clear only on this machine, and never at a cloud's metadata service. */
export const askedUrl = plainUrl('on a loopback address')
  .refine(
    isForCredentials,
    'https:// (http:// only on a loopback address): a credential is not asked for in the clear',
  )
  .refine(
    isOfNoMetadata,
    'a host that is no link-local or metadata address: what is there belongs to this machine alone',
  )

/** It can be read, and a credential is not asked for in the clear. */
export function isForCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return (
    protocol === 'https:' ||
    (protocol === 'http:' && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname))
  )
}

export function isOfNoMetadata(text: string): boolean {
  return !URL.canParse(text) || !isLinkLocal(new URL(text).hostname)
}
