import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { messageOf } from '../../lib/index.ts'
import { isolationFlags, systemMounts } from './bwrap.ts'
import { guarded, guardFailed } from './guard.ts'
import type { NetworkMaker, SandboxPlan } from './plan.ts'

/** What this machine can do. `B`: namespaces by bubblewrap (reference: tiers of isolation). */
export type Probe =
  | {
      readonly tier: 'B'
      readonly bwrap: string
      readonly disableUserns: boolean
      readonly network: NetworkMaker
    }
  | { readonly tier: 'none'; readonly why: string }

type Way = Pick<SandboxPlan, 'disableUserns' | 'network'>

/** Finds out by doing it: starts `true` in a sandbox as a step would be. */
export async function probeIsolation(): Promise<Probe> {
  const bwrap = findBwrap()
  if (bwrap === undefined) return { tier: 'none', why: 'bubblewrap (bwrap) is not installed' }
  let network: NetworkMaker = 'guard'
  let why = await trySandbox(bwrap, { disableUserns: true, network })
  // Root needs the guard for more than its network.
  if (why?.startsWith(guardFailed) && process.getuid?.() !== 0) {
    network = 'bwrap'
    why = await trySandbox(bwrap, { disableUserns: true, network })
  }
  if (why === undefined) return { tier: 'B', bwrap, disableUserns: true, network }
  if (!why.includes('disable-userns')) return { tier: 'none', why }
  const without = await trySandbox(bwrap, { disableUserns: false, network })
  return without === undefined
    ? { tier: 'B', bwrap, disableUserns: false, network }
    : { tier: 'none', why: without }
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

/** Why it did not work, or undefined. */
function trySandbox(bwrap: string, way: Way): Promise<string | undefined> {
  return new Promise((resolve) => {
    const args = [
      ...isolationFlags(way),
      ...systemMounts(),
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--',
      '/usr/bin/perl',
      '-e',
      '1',
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

/** What to do about it, for a person. */
export function isolationAdvice(why: string): string {
  if (why.includes('not installed')) return 'install it (Debian, Ubuntu: sudo apt-get install bubblewrap)'
  if (/uid map|user namespace|Operation not permitted|Permission denied/i.test(why)) {
    return 'this machine does not let it make user namespaces; on Ubuntu 24.04 allow it for bwrap in AppArmor (scripts/setup does that), in a container use `--security-opt seccomp=unconfined` or a runner outside'
  }
  return 'run scripts/setup, which says what is missing'
}
