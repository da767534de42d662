import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cover } from '../workspace/index.ts'
import { coverFile, emptyFile, emptyFolder, handedFile, homeInside } from './inside.ts'
import { makeOwnFolder } from './own-folder.ts'
import type { SandboxDoors } from './plan.ts'

const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
]

/** Writes the files that a sandbox sees instead of the host's; the folder is gone when it is disposed of. */
export function writeSandboxFiles(
  { caCertificate, covers, doors }: { caCertificate: string; covers: readonly Cover[]; doors: SandboxDoors },
  handed = 0,
): { folder: string; [Symbol.dispose](): void } {
  const own = makeOwnFolder('files')
  const folder = own.path
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  const roots = bundles.map(readIfThere).find((text) => text !== '') ?? ''
  const files = {
    passwd: `step:x:${uid}:${gid}:step:${homeInside}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `step:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: doors.hosts,
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
    [emptyFile]: '',
    'ca.pem': caCertificate,
    // The run's CA stands beside the system's roots and replaces none.
    'ca-bundle.pem': `${roots}\n${caCertificate}\n`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
  mkdirSync(join(folder, emptyFolder))
  for (const [i, { text }] of covers.entries())
    if (text !== undefined) writeFileSync(join(folder, coverFile(i)), text, { mode: 0o600 })
  for (let i = 0; i < handed; i++) writeFileSync(join(folder, handedFile(i)), '', { mode: 0o600 })
  chmodSync(folder, 0o755)
  return { folder, [Symbol.dispose]: () => own[Symbol.dispose]() }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
