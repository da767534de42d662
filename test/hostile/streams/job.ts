import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, type Stage } from '../../../demo/stage.ts'

export const mayfly = join(projectFolder, 'bin/mayfly')

/** `mayfly run` as a process of its own, in the stage's workspace; `said` grows while it runs. */
export interface Job {
  readonly child: ChildProcess
  readonly said: { out: string; err: string }
  readonly ended: Promise<number | null>
  /** Waits until the text stands in what it has said. */
  says(text: string | RegExp): Promise<void>
}

export function startJob(
  stage: Stage,
  args: readonly string[],
  env: Record<string, string> = {},
  command: readonly string[] = [mayfly, 'run', ...args],
): Job {
  const [program = '', ...rest] = command
  const child = spawn(program, rest, {
    cwd: stage.workspace,
    env: { ...stage.jobEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a terminal gives it.
    detached: true,
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)))
  return {
    child,
    said,
    ended,
    says: (text) =>
      eventually(`it says ${String(text)}: ${said.out}${said.err}`, async () =>
        typeof text === 'string'
          ? `${said.out}${said.err}`.includes(text)
          : text.test(`${said.out}${said.err}`),
      ),
  }
}

export async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 50))
  }
  assert.fail(`never: ${what}`)
}

/** Every entry of the run once its end is published, as the log has it. */
export async function entriesOf(stage: Stage, runId: string): Promise<string> {
  let entries = ''
  await eventually('the end of the run is published', async () => {
    const args = ['audit', 'export', '--format', 'ndjson', '--data', stage.dataFolder, '--run', runId]
    entries = (await stage.operate(args)).stdout
    return entries.includes('"session.ended"')
  })
  return entries
}

export function runIdIn(text: string): string {
  return /run (run_\w+):/.exec(text)?.[1] ?? assert.fail(`no run in ${text}`)
}

export interface Leases {
  readonly active: number
  readonly openSteps: number
}

export async function leasesOf(stage: Stage): Promise<Leases> {
  const status = JSON.parse((await stage.operate(['status', '--json'])).stdout) as { leases: Leases }
  return { active: status.leases.active, openSteps: status.leases.openSteps }
}

/** Whether a process of this machine begins its command line so. */
export function isRunning(mark: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(mark)
    } catch {
      return false
    }
  })
}
