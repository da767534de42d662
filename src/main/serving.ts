import { MayflyError, serveCertificate, type ServedCertificate } from '../lib/index.ts'

/** The options of every process that may speak TLS itself. */
export interface TlsArguments {
  tlsCert?: string | undefined
  tlsKey?: string | undefined
}

/** The certificate that the options name, if they name one. Throws `bad_input` for half of them, or a pair that is not good. */
export function certificateOf(
  { tlsCert, tlsKey }: TlsArguments,
  tell: (line: string) => void,
  [certOption, keyOption]: readonly [string, string] = ['--tls-cert', '--tls-key'],
): ServedCertificate | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined)
    throw new MayflyError('bad_input', `${certOption} and ${keyOption} go together: give both`)
  return serveCertificate({ cert: tlsCert, key: tlsKey }, { tell })
}
