import { webcrypto } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A certificate authority of a test, as a company has one. */
export interface TestAuthority {
  /** PEM, as a file that `--ca-file` takes. */
  readonly file: string
  /** Writes `NAME.pem` and `NAME.key` for these DNS names; the key is its owner's only. */
  issue(
    name: string,
    hosts: readonly string[],
    times?: { notBefore?: Date; notAfter?: Date },
  ): Promise<{ cert: string; key: string }>
}

const hourMs = 3_600_000

export async function createTestAuthority(folder: string): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as never)
  mkdirSync(folder, { recursive: true })
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=A company',
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + hourMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const file = join(folder, 'ca.pem')
  writeFileSync(file, authority.toString('pem'))
  let serial = 1
  return {
    file,
    async issue(name, hosts, times = {}) {
      const leaf = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: `1${(serial++).toString().padStart(3, '0')}`,
        subject: `CN=${name}`,
        issuer: authority.subject,
        notBefore: times.notBefore ?? new Date(Date.now() - hourMs),
        notAfter: times.notAfter ?? new Date(Date.now() + hourMs),
        publicKey: leaf.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns', value }))),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.serverAuth,
            x509.ExtendedKeyUsage.clientAuth,
          ]),
        ],
      })
      const pair = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
      writeFileSync(pair.cert, `${certificate.toString('pem')}\n`)
      const der = await webcrypto.subtle.exportKey('pkcs8', leaf.privateKey)
      writeFileSync(pair.key, x509.PemConverter.encode(der, 'PRIVATE KEY'), { mode: 0o600 })
      return pair
    },
  }
}
