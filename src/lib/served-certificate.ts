import { createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { MayflyError, messageOf } from './errors.ts'
import { limits } from './limits.ts'

/** Two PEM files: the certificate with its intermediates, and its private key. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** What `https.createServer` and `setSecureContext` take. */
export interface ServedPair {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.2'
  readonly honorCipherOrder: true
}

/** The certificate that a server of ours shows, read again when its files change. */
export interface ServedCertificate {
  readonly pair: ServedPair
  /** What a URL may name: DNS names without a wildcard, then IP addresses. */
  readonly names: readonly string[]
  /** Hands every later pair on to this server; connections that are open keep theirs. */
  follow(server: { setSecureContext(pair: ServedPair): void }): void
  close(): void
}

/** Several times what a chain of certificates takes. */
const maxFileBytes = limits.apiBodyBytes

/**
 * Reads the pair. Throws `bad_input` with one line that says what is wrong: a file that is missing, a key that others may
 * read, two files that do not belong together. From then on the files are looked at every `pollMs`: by a look at the file
 * that the name leads to, since a renewal replaces files or the link before them, which no watch of one file sees. A new pair
 * that is not good is told, and the old one stays.
 */
export function serveCertificate(
  files: CertificateFiles,
  { tell, pollMs = 2_000 }: { tell: (line: string) => void; pollMs?: number },
): ServedCertificate {
  const servers = new Set<{ setSecureContext(pair: ServedPair): void }>()
  let seen = stateOf(files)
  let served = seen
  let pair = readPair(files)
  tellIfOver(pair, files, tell)

  function look(): void {
    const before = seen
    seen = stateOf(files)
    // Changed a moment ago is perhaps half of a change: the other file follows.
    if (seen === served || seen !== before) return
    served = seen
    try {
      pair = readPair(files)
      for (const server of servers) server.setSecureContext(pair)
      tell(`the certificate ${files.cert} was read again`)
      tellIfOver(pair, files, tell)
    } catch (error) {
      tell(`the certificate was not changed, the one from before stays: ${messageOf(error)}`)
    }
  }

  const looking = setInterval(look, pollMs)
  looking.unref()
  return {
    get pair() {
      return pair
    },
    get names() {
      return namesOf(pair.cert)
    },
    follow(server) {
      servers.add(server)
      server.setSecureContext(pair)
    },
    close: () => clearInterval(looking),
  }
}

/**
 * The URL of a server of ours, unless it was told another: the address that it listens on, with a certificate the first name
 * that clients find in it.
 */
export function ownUrl(at: {
  host: string
  port: number
  certificate: Pick<ServedCertificate, 'names'> | undefined
}): string {
  const name = at.certificate?.names[0] ?? at.host
  const scheme = at.certificate === undefined ? 'http' : 'https'
  return `${scheme}://${isIP(name) === 6 ? `[${name}]` : name}:${at.port}`
}

function readPair(files: CertificateFiles): ServedPair {
  const cert = readPem(files.cert, 'certificate', () => undefined)
  const key = readPem(files.key, 'key', ({ uid, mode }) => {
    // As PostgreSQL has it: for its owner alone, or root's and for a group that may read it.
    if ((mode & (uid === 0 ? 0o037 : 0o077)) === 0) return undefined
    return `is open to others (mode ${(mode & 0o777).toString(8)}): chmod 600 it`
  })
  const pair = { cert, key, minVersion: 'TLSv1.2', honorCipherOrder: true } as const
  let belongs: boolean
  try {
    belongs = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
    if (belongs) createSecureContext(pair)
  } catch (cause) {
    // Not the cause's own words: they might repeat a part of the key.
    const why = 'give a certificate chain and its unencrypted private key, both PEM'
    throw new MayflyError('bad_input', `${files.cert} and ${files.key} cannot be used for TLS: ${why}`, {
      cause,
    })
  }
  if (belongs) return pair
  throw new MayflyError('bad_input', `the key ${files.key} is not the key of the certificate ${files.cert}`)
}

function readPem(
  file: string,
  what: string,
  check: (stat: { uid: number; mode: number }) => string | undefined,
): string {
  const refuse = (why: string, cause?: unknown) =>
    new MayflyError('bad_input', `the TLS ${what} ${file} ${why}`, { cause })
  let fd: number
  try {
    // Links are followed: certbot and Kubernetes put one in front. A pipe must not hold us up.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw refuse(`cannot be read: ${messageOf(cause)}`, cause)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw refuse('is no file')
    if (stat.size > maxFileBytes) throw refuse(`is longer than ${maxFileBytes} bytes`)
    const problem = check(stat)
    if (problem !== undefined) throw refuse(problem)
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/** Changes whenever one of the files does, also when a link leads elsewhere. */
function stateOf({ cert, key }: CertificateFiles): string {
  return [cert, key]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return stat === undefined
        ? 'none'
        : [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join(':')
    })
    .join(' ')
}

function tellIfOver({ cert }: ServedPair, files: CertificateFiles, tell: (line: string) => void): void {
  const { validToDate } = new X509Certificate(cert)
  if (validToDate.getTime() < Date.now())
    tell(
      `the certificate ${files.cert} has expired (${validToDate.toISOString()}): clients refuse it; renew it`,
    )
}

function namesOf(cert: string): string[] {
  const entries = (new X509Certificate(cert).subjectAltName ?? '').split(', ')
  const of = (kind: string) =>
    entries.filter((entry) => entry.startsWith(kind)).map((entry) => entry.slice(kind.length))
  const hosts = of('DNS:').filter((name) => /^[a-z0-9.-]+$/i.test(name))
  const addresses = of('IP Address:').filter((address) => isIP(address) !== 0)
  return [...hosts, ...addresses]
}
