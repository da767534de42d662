import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** An authority of times made by OpenSSL alone. */
export interface TimeAuthority {
  /** DER, the certificate that signs first. */
  readonly chain: readonly Buffer[]
  /** A TimeStampResp about these bytes. */
  stamp(bytes: Uint8Array): Buffer
}

const config = `
[tsa]
default_tsa = this
[this]
serial = serial
signer_cert = leaf.pem
signer_key = leaf.key
signer_digest = sha256
certs = root.pem
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[leaf]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
`

export function createTimeAuthority(folder: string): TimeAuthority {
  mkdirSync(folder)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  writeFileSync(join(folder, 'c.cnf'), config)
  writeFileSync(join(folder, 'serial'), '01')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256', '-days', '2']
  const root = ['-config', 'c.cnf', '-subj', '/O=times/CN=root', '-x509', '-extensions', 'root']
  openssl('req', ...key, ...root, '-keyout', 'root.key', '-out', 'root.pem')
  const leaf = ['-config', 'c.cnf', '-subj', '/CN=times', '-x509', '-extensions', 'leaf']
  const signed = ['-CA', 'root.pem', '-CAkey', 'root.key']
  openssl('req', ...key, ...leaf, ...signed, '-keyout', 'leaf.key', '-out', 'leaf.pem')
  const der = (name: string) => new X509Certificate(readFileSync(join(folder, name))).raw
  return {
    chain: [der('leaf.pem'), der('root.pem')],
    stamp(bytes) {
      writeFileSync(join(folder, 'data'), bytes)
      openssl('ts', '-query', '-data', 'data', '-sha256', '-no_nonce', '-out', 'query')
      openssl('ts', '-reply', '-config', 'c.cnf', '-section', 'this', '-queryfile', 'query', '-out', 'reply')
      return readFileSync(join(folder, 'reply'))
    },
  }
}
