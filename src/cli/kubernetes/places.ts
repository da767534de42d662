import { isIP } from 'node:net'
import { MayflyError } from '../../lib/index.ts'

/** Where a pod may connect to: a peer of a NetworkPolicy (networking.k8s.io/v1), and the port there. */
export interface Place {
  readonly peer: Record<string, unknown>
  readonly port: number
}

/**
 * A place as `--reach` and `--dns` name it: `192.0.2.7:443`, `192.0.2.0/28:443`, `[2001:db8::7]:443`, or `namespace/NAME:PORT` for
 * the pods of a namespace. A NetworkPolicy knows no host names. Throws `bad_input`.
 */
export function placeOf(option: string, text: string): Place {
  const refuse = (why: string) => new MayflyError('bad_input', `${option} ${text}: ${why}`)
  const [, bracketed, plain, digits = ''] = /^(?:\[([^[\]]+)\]|([^[\]:]+)):([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port < 1 || port > 65_535)
    throw refuse('write ADDRESS:PORT, ADDRESS/BITS:PORT, or namespace/NAME:PORT')
  const [, namespace] = /^namespace\/(.*)$/.exec(plain ?? '') ?? []
  if (namespace !== undefined) {
    if (!isLabel(namespace)) throw refuse(`"${namespace}" is no name of a namespace`)
    return {
      port,
      peer: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
    }
  }
  const [address = '', bits, ...rest] = (bracketed ?? plain ?? '').split('/')
  const family = isIP(address)
  const widest = family === 6 ? 128 : 32
  if (family === 0 || rest.length > 0 || (family === 6) !== (bracketed !== undefined))
    throw refuse('a NetworkPolicy knows no host names: write the address, an IPv6 one in brackets')
  if (bits !== undefined && !(/^[0-9]{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= widest))
    throw refuse(`a network has 1 to ${widest} bits; a step that may reach everything is not held`)
  return { port, peer: { ipBlock: { cidr: `${address}/${bits ?? widest}` } } }
}

/** What namespaces are called (RFC 1123 label). */
export function isLabel(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
}

/** What service accounts are called (RFC 1123 subdomain). */
export function isSubdomain(text: string): boolean {
  return text.length <= 253 && text.split('.').every(isLabel)
}
