import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { roleOf } from '../role-facts.fixture.ts'
import { findLeftovers } from '../workspace/index.ts'
import {
  limitsOf,
  probeIsolation,
  startSandbox,
  type Probe,
  type RoleLimits,
  type Sandbox,
  type SandboxRequest,
  type StepLimits,
} from './index.ts'

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
  readonly limits: StepLimits
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
  { doorsAt = ['127.0.0.1:3128'], ...more }: Partial<SandboxRequest> & { doorsAt?: readonly string[] } = {},
): Promise<Bench | undefined> {
  const probe = await probing
  if (probe.tier !== 'B') {
    t.skip(`no sandbox on this machine: ${probe.why}`)
    return undefined
  }
  const stepLimits = limitsOf({ ...roleOf('bench').limits, ...limits })
  const start: Bench['start'] = (
    command,
    env = {},
    accept = (listener) => listener.close(),
    workspaceInside = workspace,
  ) => {
    const sandbox = startSandbox({
      workspace,
      workspaceInside,
      tools: [],
      env: { PATH: '/usr/bin:/bin', ...env },
      command,
      caCertificate: 'run CA\n',
      covers: findLeftovers(workspace).covers,
      limits: stepLimits,
      withStdin: false,
      ...probe,
      doors: { places: doorsAt, hosts: '127.0.0.1 localhost mayfly\n' },
      ...more,
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
    limits: stepLimits,
    start,
    run,
    sh: (script, env, inside) => run(['/bin/sh', '-c', script], env, inside),
  }
}
