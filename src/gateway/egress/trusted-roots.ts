import { getCACertificates } from 'node:tls'

/** The certificate authorities of Node and of the machine, with those of one host. */
export function trustedRoots(ca = ''): string[] {
  const roots = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
  return ca === '' ? roots : [...roots, ca]
}
