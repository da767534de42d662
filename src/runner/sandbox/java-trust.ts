import { createHash } from 'node:crypto'
import { readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

const jvms = '/usr/lib/jvm'
const cacerts = 'lib/security/cacerts'

/**
 * The files that Java's programs read their trusted authorities from, without links: of each JDK of the system, of the ones that
 * the job names by JAVA_HOME and its kin (JAVA_HOME_21_X64), and of the `java` on its PATH. Java reads no variable for it that
 * does not print a line of its own.
 */
export function javaTrustFiles(
  job: Readonly<Record<string, string>>,
  /** Folders that the sandbox has beside the system's: what lies elsewhere is not there. */
  tools: readonly string[],
): string[] {
  const homes = [
    ...Object.entries(job).flatMap(([name, value]) => (/^JAVA_HOME(?:_|$)/.test(name) ? [value] : [])),
    ...list(jvms).map((name) => join(jvms, name)),
    ...(job['PATH'] ?? '').split(':').flatMap((folder) => homeOf(join(folder, 'java'))),
  ]
  const files = ['/etc/ssl/certs/java/cacerts', ...homes.map((home) => join(home, cacerts))]
  const roots = ['/usr', '/opt', '/etc/ssl/certs', ...tools]
  return [...new Set(files.flatMap((file) => realPath(file)))].filter((file) =>
    roots.some((root) => file.startsWith(`${root}/`)),
  )
}

function homeOf(program: string): string[] {
  return realPath(program).map((file) => dirname(dirname(file)))
}

/** Java's own form of a trust store (JKS, version 2) with the certificates of a PEM bundle; its password is the usual `changeit`. */
export function javaTrustStore(pem: string): Buffer {
  const certificates = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g)]
  const entries = certificates.map(([, base64 = ''], i) => {
    const der = Buffer.from(base64, 'base64')
    return Buffer.concat([
      number(2),
      text(`mayfly-${i}`),
      Buffer.alloc(8),
      text('X.509'),
      number(der.length),
      der,
    ])
  })
  const store = Buffer.concat([number(0xfeed_feed), number(2), number(entries.length), ...entries])
  const digest = createHash('sha1')
    .update(Buffer.from('changeit', 'utf16le').swap16())
    .update('Mighty Aphrodite')
    .update(store)
    .digest()
  return Buffer.concat([store, digest])
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(value.length)
  return Buffer.concat([length, Buffer.from(value, 'latin1')])
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function realPath(path: string): string[] {
  try {
    return [realpathSync(path)]
  } catch {
    return []
  }
}
