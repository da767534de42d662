import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cover } from '../workspace/index.ts'
import { aptConfig, aptConfigNested, aptSources } from './apt-files.ts'
import {
  aptFolder,
  containersFolder,
  coverFile,
  emptyFile,
  emptyFolder,
  handedFile,
  homeInside,
  javaTrustFile,
  knownHostsFile,
  scriptFile,
  settingsFolder,
} from './inside.ts'
import { javaTrustStore } from './java-trust.ts'
import { containersFiles, trustPolicy } from './nesting.ts'
import { makeOwnFolder } from './own-folder.ts'
import type { SandboxDoors } from './plan.ts'

const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
]

/** Writes the files that a sandbox sees instead of the host's; the folder is gone when it is disposed of. */
export function writeSandboxFiles(
  {
    caCertificate,
    covers,
    doors,
    javaTrust = [],
    settings = [],
    knownHosts = '',
    script,
  }: {
    caCertificate: string
    covers: readonly Cover[]
    doors: SandboxDoors
    javaTrust?: readonly string[]
    settings?: readonly { readonly name: string; readonly text: string }[]
    /** Of SSH. */
    knownHosts?: string
    script?: string
  },
  handed = 0,
  nesting = false,
): { folder: string; [Symbol.dispose](): void } {
  const own = makeOwnFolder('files')
  // One that nests is root of its own namespace when its command begins.
  const { uid, gid } = nesting ? { uid: 0, gid: 0 } : userInside(false)
  const folder = own.path
  const roots = bundles.map(readIfThere).find((text) => text !== '') ?? ''
  const files = {
    passwd: `step:x:${uid}:${gid}:step:${homeInside}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
    group: `step:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: doors.hosts,
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
    [emptyFile]: '',
    ...(knownHosts === '' ? {} : { [knownHostsFile]: knownHosts }),
    ...(script === undefined ? {} : { [scriptFile]: script }),
    'apt.conf': aptConfig,
    ...(nesting ? { 'apt-nested.conf': aptConfigNested } : {}),
    'ca.pem': caCertificate,
    // The run's CA stands beside the system's roots and replaces none.
    'ca-bundle.pem': `${roots}\n${caCertificate}\n`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
  if (javaTrust.length > 0)
    writeFileSync(join(folder, javaTrustFile), javaTrustStore(files['ca-bundle.pem']), { mode: 0o644 })
  mkdirSync(join(folder, emptyFolder))
  mkdirSync(join(folder, settingsFolder))
  for (const { name, text } of settings)
    writeFileSync(join(folder, settingsFolder, name), text, { mode: 0o644 })
  for (const name of ['sources.list.d', 'apt.conf.d', 'preferences.d', 'trusted.gpg.d', 'keyrings'])
    mkdirSync(join(folder, aptFolder, name), { recursive: true })
  for (const [name, text] of Object.entries(aptSources()))
    writeFileSync(join(folder, aptFolder, name), text, { mode: 0o644 })
  mkdirSync(join(folder, containersFolder))
  const ofContainers = nesting ? containersFiles : { [trustPolicy]: ownTrustPolicy() }
  for (const [name, text] of Object.entries(ofContainers))
    writeFileSync(join(folder, containersFolder, name), text, { mode: 0o644 })
  for (const [i, { text }] of covers.entries())
    if (text !== undefined) writeFileSync(join(folder, coverFile(i)), text, { mode: 0o600 })
  for (let i = 0; i < handed; i++) writeFileSync(join(folder, handedFile(i)), '', { mode: 0o600 })
  chmodSync(folder, 0o755)
  return { folder, [Symbol.dispose]: () => own[Symbol.dispose]() }
}

/** Every folder of the machine that a step in a sandbox can write to: of the one of generated files, those that it hands on. */
export function writtenFolders(
  { workspace, folders = [] }: { workspace: string; folders?: readonly { readonly outside: string }[] },
  files: string,
): string[] {
  return [workspace, ...folders.map(({ outside }) => outside), files]
}

/**
 * Who a step is inside: the supervisor's own user by number. Where that is root a step that nests is another: the kernel lets
 * nobody without CAP_SETFCAP map root into a namespace of its own (user_namespaces(7)). Outside its files are root's all the same.
 */
export function userInside(nesting: boolean): { readonly uid: number; readonly gid: number } {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return nesting && uid === 0 ? { uid: 1000, gid: 1000 } : { uid, gid }
}

/** Which images skopeo takes, without which it takes none: the machine's word, or that of the packages of most systems. */
function ownTrustPolicy(): string {
  const text = readIfThere(join('/etc/containers', trustPolicy))
  return text === '' ? (containersFiles[trustPolicy] ?? '') : text
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
