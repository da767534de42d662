import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { MayflyError, messageOf, systemCode } from './errors.ts'
import { limits } from './limits.ts'

/**
 * From here on this process trusts, as a TLS client, the system's certificate authorities and those of `caFile` (PEM), beside
 * Node's own and NODE_EXTRA_CA_CERTS. Takes some 20 ms, so it is called where TLS is spoken. Throws `bad_input`.
 */
export function trustRoots(caFile?: string): void {
  const own = caFile === undefined ? [] : readAuthorities(caFile)
  setDefaultCACertificates([
    ...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own]),
  ])
}

/** The certificate authorities of Node and of the machine, with those of one host. */
export function trustedRoots(ca = ''): string[] {
  const roots = [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]
  return ca === '' ? roots : [...roots, ca]
}

function readAuthorities(file: string): string[] {
  const refuse = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `the file of certificate authorities ${file} ${why}`, { cause })
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat?.isFile() !== true) throw refuse('is not there, or no file (--ca-file, MAYFLY_CA_FILE)')
  if (stat.size > limits.caFileBytes) throw refuse(`is longer than ${limits.caFileBytes} bytes`)
  const text = readFileSync(file, 'utf8')
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw refuse('has no certificate in it (PEM: -----BEGIN CERTIFICATE-----)')
  try {
    return blocks.map((block) => new X509Certificate(block).toString())
  } catch (cause) {
    throw refuse(`has a certificate that cannot be read: ${messageOf(cause)}`, cause)
  }
}

const unknownAuthority =
  'its certificate is by an authority that this machine does not know: give the authority’s certificate (PEM) with --ca-file or MAYFLY_CA_FILE'

/** OpenSSL's and Node's words for what is wrong with a certificate, and what to do about each. */
const remedies: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${unknownAuthority}; or its server does not send the intermediate certificate: --tls-cert takes the whole chain`,
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it (a running Mayfly reads the new files by itself)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is this machine’s clock right?',
}

/** Why a server of ours could not be reached, on one line; a problem with its certificate with what to do about it. */
export function connectionProblem(error: unknown): string {
  for (let one = error; one instanceof Error; one = one.cause) {
    const code = systemCode(one) ?? ''
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return `its certificate is for other names (${namesIn(one)}): use a name that it has`
    if (code === 'EPROTO' && /wrong version number|packet length too long/.test(one.message))
      return 'it speaks no TLS there: is it http://, or another port?'
    const remedy = remedies[code]
    if (remedy !== undefined) return `${remedy} (${code})`
  }
  return messageOf(error)
}

function namesIn(error: Error): string {
  const { subjectaltname } = (error as { cert?: { subjectaltname?: string } }).cert ?? {}
  return (subjectaltname ?? 'none').replaceAll(/\p{C}+/gu, ' ').slice(0, 300)
}
