import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { messageOf } from '../../lib/index.ts'
import { isolationFlags, processMounts, systemMounts } from './bwrap.ts'
import { guarded, guardFailed } from './guard.ts'
import { landlockWithSignals } from './keeper.ts'
import { openProbeCache } from './probe-cache.ts'
import type { Probe, Way } from './way.ts'

/** Where what was found is remembered until something of it changes, and where steps write, which is no place for it. */
export interface ProbeMemory {
  readonly folder: string | undefined
  readonly workspaces: readonly string[]
}

/** Finds out by doing it: starts a program in a sandbox as a step would be. */
export async function probeIsolation(memory?: ProbeMemory): Promise<Probe> {
  const bwrap = findBwrap()
  if (bwrap === undefined) return { tier: 'none', why: 'bubblewrap (bwrap) is not installed' }
  const cache = memory && openProbeCache(memory.folder, bwrap, memory.workspaces)
  const known = cache?.read()
  // Which program it is, is never read from a file.
  if (known !== undefined) return { ...known, bwrap, forget: () => cache?.forget() }
  const found = await tryAll(bwrap)
  if (found.tier !== 'none') cache?.write(found)
  return found
}

async function tryAll(bwrap: string): Promise<Probe> {
  const best = await tryWays(bwrap, true)
  if (typeof best !== 'string') return { tier: 'B', bwrap, ...best }
  const less = await tryWays(bwrap, false)
  if (typeof less !== 'string') return { tier: 'C', bwrap, why: best, ...less }
  return { tier: 'none', why: less === best ? best : `${best}; without a process namespace: ${less}` }
}

/** What a machine may refuse, and how a sandbox does without: each is tried once, in whatever order the machine complains. */
const lessers: readonly { readonly complaint: RegExp; readonly without: Partial<Way> }[] = [
  { complaint: new RegExp(`^${guardFailed}`), without: { network: 'bwrap' } },
  // The first is bubblewrap 0.7, the second a container whose /proc/sys is read-only. The filter refuses new namespaces in any case.
  { complaint: /disable-userns|max_user_namespaces/, without: { disableUserns: false } },
  // podman's filter refuses sethostname without the container's own CAP_SYS_ADMIN.
  { complaint: /set hostname/, without: { ownHostName: false } },
  { complaint: /--size/, without: { sizedFolders: false } },
]

/** The first way that works, or why the last one did not. */
async function tryWays(bwrap: string, ownProcesses: boolean): Promise<Way | string> {
  let way: Way = {
    disableUserns: true,
    network: 'guard',
    ownProcesses,
    sizedFolders: true,
    ownHostName: true,
  }
  // Root needs the guard for more than its network.
  const left = new Set(lessers.slice(process.getuid?.() === 0 ? 1 : 0))
  for (;;) {
    const why = await trySandbox(bwrap, way)
    if (why === undefined) return way
    const lesser = [...left].find(({ complaint }) => complaint.test(why))
    if (lesser === undefined) return why
    left.delete(lesser)
    way = { ...way, ...lesser.without }
  }
}

// Not by PATH: a job's PATH names folders that an earlier step may have written to.
const places = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap']

function findBwrap(): string | undefined {
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const probeTimeoutMs = 5_000

/** What a sandbox without a process namespace stands on (keeper.ts). */
const needsLandlock = `syscall(444, 0, 0, 1) >= ${landlockWithSignals} or die "Landlock of Linux 6.12 or later is not there\\n"`

/** Why it did not work, or undefined. */
function trySandbox(bwrap: string, way: Way): Promise<string | undefined> {
  return new Promise((resolve) => {
    const args = [
      ...isolationFlags(way),
      ...systemMounts('/dev/null'),
      ...processMounts(way),
      ...['--dev', '/dev', ...(way.sizedFolders ? ['--size', '65536'] : []), '--tmpfs', '/tmp'],
      ...['--', '/usr/bin/perl', '-e', way.ownProcesses ? '1' : needsLandlock],
    ]
    const [program, all] =
      way.network === 'bwrap' ? ([bwrap, args] as const) : guarded(bwrap, args, { places: [], channelFd: -1 })
    const child = spawn(program, all, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {},
      timeout: probeTimeoutMs,
    })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text = (text + chunk).slice(0, 500)))
    child.once('error', (error) => resolve(messageOf(error)))
    child.once('close', (code) =>
      resolve(code === 0 ? undefined : text.trim() || `bwrap exited with ${code}`),
    )
  })
}
