import { systemCode } from '../lib/index.ts'
import type { Connection } from './connection.ts'

/** Codes of OpenSSL's verification (X509_V_ERR_...) for a chain that ends at no CA that is trusted here. */
const unknownCa: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
])

const ofTime: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: whoever runs it must renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is this machine’s clock right?',
}

/** OpenSSL's words for these, of which some libraries take the code away. */
const words: readonly (readonly [words: string, code: string])[] = [
  ['self-signed certificate in', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ['self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['unable to get local issuer', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
  ['unable to get issuer', 'UNABLE_TO_GET_ISSUER_CERT'],
  ['unable to verify the first', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['certificate signature failure', 'CERT_SIGNATURE_FAILURE'],
  ['certificate has expired', 'CERT_HAS_EXPIRED'],
  ['certificate is not yet valid', 'CERT_NOT_YET_VALID'],
]

/** What is wrong with the certificate of a connection's host, and what to write; undefined where it is not that. It does not pass by itself. */
export function certificateProblem(
  { ca, host }: Pick<Connection, 'ca' | 'host'>,
  error: unknown,
): string | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { message } = one
    const code = words.find(([begin]) => message.startsWith(begin))?.[1] ?? systemCode(one) ?? ''
    if (unknownCa.has(code))
      return ca === undefined
        ? `no CA that is trusted here has signed its certificate (${code}): name the file of its CA in mayfly.yaml as ca of the connection`
        : `its certificate is signed by none of the CAs that the connection names as ca (${code}): name that of its CA there`
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || ('cert' in one && 'reason' in one))
      return `its certificate is not for ${host}, but for ${namesIn(one)}: write a name that it has in url of the connection, and the address as dial`
    const remedy = ofTime[code]
    if (remedy !== undefined) return `${remedy} (${code})`
  }
  return undefined
}

function namesIn(error: Error): string {
  const { subjectaltname } = (error as { cert?: { subjectaltname?: string } }).cert ?? {}
  return (subjectaltname ?? 'no name').replaceAll(/\p{C}+/gu, ' ').slice(0, 300)
}
