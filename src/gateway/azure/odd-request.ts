import type { IncomingHttpHeaders } from 'node:http'
import type { AzurePlace } from '../../kinds/index.ts'
import type { Target } from '../raw-target.ts'

/** Parameters by which Azure's services take a signature, a key or a token ("Create a service SAS", and others). */
const credentials =
  /^(?:sig|signature|skoid|sktid|code|key|api[-_]?key|access_token|subscription-key|\$?token)$/i
/** Whether a host takes them in any case is not known. */
const deciding = /^(?:comp|restype|deletetype|versionid|snapshot)$/i
const decidingValue = /^(?:comp|restype|deletetype)$/i
const overriding = ['x-http-method', 'x-http-method-override', 'x-method-override'] as const
/** Of what is made of another thing, blobs alone are judged. */
const sources = [
  'x-ms-copy-source',
  'x-ms-rename-source',
  'x-ms-file-rename-source',
  'x-ms-file-copy-source',
] as const

/** Why a request is refused whatever it asks for: its target or headers could make it another one, or bring a credential. */
export function problemOf(
  headers: IncomingHttpHeaders,
  { parts, query }: Target,
  service: AzurePlace['service'],
): string | undefined {
  const names = query.map(([name]) => name.toLowerCase())
  const signed = names.find((name) => credentials.test(name))
  if (signed !== undefined)
    return `its query has "${signed.slice(0, 60)}": a signed URL (SAS) and a key in a query are not passed on, the gateway adds the credential`
  if (new Set(names).size !== names.length) return 'its query names a parameter twice'
  const spelled = query.find(
    ([name, value = '']) =>
      deciding.test(name) && (/[A-Z]/.test(name) || (decidingValue.test(name) && /[A-Z]/.test(value))),
  )
  if (spelled !== undefined && service !== 'arm')
    return `its query has "${spelled.join('=').slice(0, 60)}", which decides what it does: it is in lower case`
  // A host may take one for a slash.
  if (parts.some((part) => part.includes('\\'))) return 'its path has a backslash'
  const comps = query.flatMap(([name, value = '']) => (/^comp$/i.test(name) ? [value.toLowerCase()] : []))
  if (comps.includes('userdelegationkey'))
    return 'the answer would be a credential, a key that signs URLs, which no step may hold'
  if (comps.includes('batch') || parts.some((part) => /^\$batch$/i.test(part)))
    return 'a batch of requests is not passed on: let the tool send them one by one'
  const override = overriding.find((name) => headers[name] !== undefined)
  if (override !== undefined) return `it has ${override}: a method is what it is`
  if (headers['x-ms-authorization-auxiliary'] !== undefined)
    return 'it has x-ms-authorization-auxiliary: tokens of other tenants are not passed on'
  const source = sources.find((name) => headers[name] !== undefined)
  if (source !== undefined && service !== 'blob')
    return `it has ${source}: what is made of another thing is passed on for blobs alone, whose source is judged`
  return undefined
}
