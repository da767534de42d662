import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { roleOf } from '../role-facts.fixture.ts'
import { findLeftovers } from '../workspace/index.ts'
import type { Places } from './limits/index.ts'
import type { NetworkMaker } from './plan.ts'
import { limitsOf, probeIsolation, startSandbox, type Probe, type RoleLimits, type Sandbox } from './index.ts'

const probing = probeIsolation()

/** A new folder, gone after the test. */
export function temporaryFolder(t: TestContext, prefix = 'mayfly-test-'): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Bench {
  readonly workspace: string
  readonly probe: Probe & { tier: 'B' }
  start(
    command: readonly string[],
    env?: Record<string, string>,
    accept?: (listener: Server, place: string) => void,
    workspaceInside?: string,
  ): Sandbox
  run(command: readonly string[], env?: Record<string, string>, workspaceInside?: string): Promise<Ran>
  sh(script: string, env?: Record<string, string>, workspaceInside?: string): Promise<Ran>
}

/** A workspace and the real sandbox over it; undefined, and the test skipped, where there is no bubblewrap. */
export async function openBench(
  t: TestContext,
  workspace = temporaryFolder(t),
  limits: Partial<RoleLimits> = {},
  places?: Places,
  { doors = ['127.0.0.1:3128'], ...forced }: { doors?: readonly string[]; network?: NetworkMaker } = {},
): Promise<Bench | undefined> {
  const probe = await probing
  if (probe.tier !== 'B') {
    t.skip(`no sandbox on this machine: ${probe.why}`)
    return undefined
  }
  const start: Bench['start'] = (
    command,
    env = {},
    accept = (listener) => listener.close(),
    workspaceInside = workspace,
  ) => {
    const { bwrap, disableUserns, network } = { ...probe, ...forced }
    const sandbox = startSandbox({
      workspace,
      workspaceInside,
      tools: [],
      env: { PATH: '/usr/bin:/bin', ...env },
      command,
      caCertificate: 'run CA\n',
      covers: findLeftovers(workspace).covers,
      ...(places === undefined ? {} : { places }),
      limits: limitsOf({ ...roleOf('bench').limits, ...limits }),
      withStdin: false,
      bwrap,
      disableUserns,
      network,
      doors: { places: doors, hosts: '127.0.0.1 localhost mayfly\n' },
    })
    sandbox.onListener(accept)
    t.after(() => sandbox.kill())
    return sandbox
  }
  const run: Bench['run'] = async (command, env, workspaceInside) => {
    const sandbox = start(command, env, undefined, workspaceInside)
    let [stdout, stderr] = ['', '']
    sandbox.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    sandbox.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    return { code: await sandbox.exit, stdout, stderr }
  }
  return {
    workspace,
    probe,
    start,
    run,
    sh: (script, env, inside) => run(['/bin/sh', '-c', script], env, inside),
  }
}
