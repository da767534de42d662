import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { release, version as kernelVersion } from 'node:os'
import { dirname, join } from 'node:path'
import type { Probe } from './way.ts'

/** What the last probe found here, so that not each start has to try. */
export interface ProbeCache {
  read(): Remembered | undefined
  write(probe: Remembered): void
  forget(): void
}

/** What is worth remembering: what works. What does not is tried again at each start, and so seen mended at once. */
export type Remembered = Exclude<Probe, { tier: 'none' }>

/**
 * The cache in a folder of this user. It is not believed, and not used, if somebody else could have written it: of a folder or file
 * that is not this user's, that others may write to, or that lies in or above a workspace, where steps write. Believed too much it
 * could not open a sandbox either: its namespaces are asked for by flags that fail where they are not to be had, and which bubblewrap
 * that is, is not read from it.
 */
export function openProbeCache(
  folder: string | undefined,
  bwrap: string,
  workspaces: readonly string[],
): ProbeCache | undefined {
  if (folder === undefined) return undefined
  try {
    for (const one of [dirname(folder), folder]) if (!existsSync(one)) mkdirSync(one, { mode: 0o700 })
    if (!isOurs(lstatSync(folder), 'folder') || isReachable(folder, workspaces)) return undefined
    const path = join(folder, 'isolation.json')
    const key = keyOf(bwrap)
    return {
      read: () => readEntry(path, key),
      write: (probe) => writeEntry(path, { key, atMs: Date.now(), probe }),
      forget: () => rmSync(path, { force: true }),
    }
  } catch {
    // A home that cannot be written, say. It is probed.
    return undefined
  }
}

/**
 * Everything that what was found depends on: the boot, the kernel, the user, the program, what this process may do, and in which
 * namespaces it is, since containers share the boot and may share a home.
 */
function keyOf(bwrap: string): string {
  const { mtimeMs, ctimeMs, size, ino, dev } = statSync(bwrap)
  const status = readIfThere('/proc/self/status')
  const parts = [
    ...[readIfThere('/proc/sys/kernel/random/boot_id'), release(), kernelVersion(), process.arch],
    ...[process.getuid?.(), process.getgid?.(), bwrap, mtimeMs, ctimeMs, size, ino, dev],
    ...['user', 'mnt', 'pid', 'net'].map((name) => statSync(`/proc/self/ns/${name}`).ino),
    ...(status.match(/^(?:Cap|NoNewPrivs|Seccomp)\S*:.*$/gm) ?? []),
    readIfThere('/proc/self/attr/current'),
    ...[
      'kernel/apparmor_restrict_unprivileged_userns',
      'kernel/unprivileged_userns_clone',
      'user/max_user_namespaces',
    ].map((name) => readIfThere(`/proc/sys/${name}`)),
    readIfThere('/proc/self/mountinfo')
      .match(/^.* \/proc(?:\/\S*)? .*$/gm)
      ?.join('\n'),
  ]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

const maxBytes = 4_096
const maxAgeMs = 86_400_000

interface Entry {
  readonly key: string
  readonly atMs: number
  readonly probe: Remembered
}

function readEntry(path: string, key: string): Remembered | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = fstatSync(fd)
    if (!isOurs(stat, 'file') || stat.size > maxBytes) return undefined
    const entry = JSON.parse(readFileSync(fd, 'utf8')) as Entry
    const ageMs = Date.now() - entry.atMs
    const isCurrent = entry.key === key && ageMs >= 0 && ageMs < maxAgeMs
    return isCurrent ? probeOf(entry.probe) : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** What the tier means is said here and not in the file, so that none can call itself more than it is. */
function probeOf(value: unknown): Remembered | undefined {
  const { tier, bwrap, why, disableUserns, network, sizedFolders, ownHostName } = value as Record<
    string,
    unknown
  >
  if (typeof bwrap !== 'string' || typeof disableUserns !== 'boolean' || typeof sizedFolders !== 'boolean')
    return undefined
  if (network !== 'guard' && network !== 'bwrap') return undefined
  if (typeof ownHostName !== 'boolean') return undefined
  const way = { bwrap, disableUserns, network, sizedFolders, ownHostName } as const
  if (tier === 'B') return { tier, ...way, ownProcesses: true }
  return tier === 'C' && typeof why === 'string' ? { tier, why, ...way, ownProcesses: false } : undefined
}

/** By a new file in its place, so that nobody reads half of it, and no link is written through. */
function writeEntry(path: string, entry: Entry): void {
  const next = `${path}.${process.pid}`
  try {
    rmSync(next, { force: true })
    writeFileSync(next, JSON.stringify(entry), { mode: 0o600, flag: 'wx' })
    renameSync(next, path)
  } catch {
    rmSync(next, { force: true })
  }
}

const othersMayWrite = 0o022

function isOurs(
  stat: { uid: number; mode: number; nlink: number; isFile(): boolean; isDirectory(): boolean },
  kind: 'file' | 'folder',
): boolean {
  const isKind = kind === 'file' ? stat.isFile() && stat.nlink === 1 : stat.isDirectory()
  return isKind && stat.uid === process.getuid?.() && (stat.mode & othersMayWrite) === 0
}

function isReachable(folder: string, workspaces: readonly string[]): boolean {
  const real = realpathSync(folder)
  return workspaces.some((workspace) => `${real}/`.startsWith(`${realpathSync(workspace)}/`))
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
