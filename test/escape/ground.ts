import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Attempt, Ground } from './attempt.ts'

const programs = fileURLToPath(new URL('programs', import.meta.url))

/** A machine for one user's attempts: a step's workspace, the same outside, and what must not be reached. */
export interface Grounds {
  readonly inside: Ground
  /** Where the controls run. */
  readonly outside: Ground
  /** Holds all of it. */
  readonly folder: string
  readonly uid: number
  close(): Promise<void>
}

/** Lays it out, and starts the program of the machine that keeps the secret. `facts` are what programs need to know beside. */
export async function layGround(
  attempts: readonly Attempt[],
  user: number | undefined,
  prefix: readonly string[],
  facts: Readonly<Record<string, string>>,
  isClosed = false,
): Promise<Grounds> {
  const uid = user ?? process.getuid?.() ?? 0
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mayfly-escape-')))
  await using made = new AsyncDisposableStack()
  made.defer(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const secret = `canary-${randomBytes(16).toString('hex')}`
  const sides = [sideIn(folder, 'inside', secret), sideIn(folder, 'outside', secret)] as const
  const [inside, outside] = sides
  if (isClosed) chmodSync(dirname(inside.workspace), 0o700)
  writeFileSync(inside.secretFile, `${secret}\n`, { mode: 0o600 })
  const lockfile = join(folder, 'other-lock.json')
  writeFileSync(lockfile, otherLockfile)
  for (const side of sides) layWorkspace(side.workspace)
  const shm = `/dev/shm/escape-${randomBytes(4).toString('hex')}.sock`
  const sockets = {
    socket_tmp: join(folder, 'agent.sock'),
    socket_shm: shm,
    socket_tools: join(inside.tools, 'agent/agent.sock'),
  }
  mkdirSync(join(inside.tools, 'agent'))
  for (const attempt of attempts) for (const { tools } of sides) writeProgram(tools, attempt)
  giveTo(folder, uid)
  const paths = [
    ...Object.values(sockets),
    ...sides.map(({ workspace }) => join(workspace, 'agent/agent.sock')),
  ]
  const machine = await startMachine(prefix, [secret, folder, ...paths], secret, uid)
  made.defer(() => machine.close())
  const known = {
    ...facts,
    ...sockets,
    ...machine.where,
    folder,
    secret_name: 'secret',
    other_lockfile: lockfile,
  }
  for (const { side, workspace, tools, secretFile } of sides)
    writeFileSync(join(tools, 'ground'), lines({ ...known, side, workspace, tools, secret_file: secretFile }))
  const standing = made.move()
  return { inside, outside, folder, uid, close: () => standing.disposeAsync() }
}

function sideIn(folder: string, name: Ground['side'], secret: string): Ground {
  const places = {
    workspace: join(folder, name, 'workspace'),
    tools: join(folder, name, 'tools'),
    home: join(folder, name, 'home'),
  }
  for (const path of Object.values(places)) mkdirSync(path, { recursive: true })
  return { ...places, side: name, secretFile: join(folder, 'secret'), secret }
}

/** What a project has that no step may change, and a place where a program of the machine has its socket. */
function layWorkspace(workspace: string): void {
  execFileSync('git', ['init', '-q', workspace], { stdio: 'ignore' })
  for (const path of ['.git/hooks', '.github/workflows', '.mayfly', 'agent', '.cache/x'])
    mkdirSync(join(workspace, path), { recursive: true })
  const text = 'as it was\n'
  for (const path of [
    '.git/hooks/pre-push',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.mayfly/pipeline.yaml',
    'README.md',
  ])
    writeFileSync(join(workspace, path), text)
}

const otherLockfile = JSON.stringify({
  lockfileVersion: 3,
  packages: {
    '': {},
    'node_modules/left-pad': { version: '1.3.0', integrity: `sha512-${'x'.repeat(86)}==` },
  },
})

function giveTo(folder: string, uid: number): void {
  if (process.getuid?.() !== 0) return
  for (const entry of readdirSync(folder, { recursive: true }))
    chownSync(join(folder, String(entry)), uid, uid)
  chownSync(folder, uid, uid)
}

const shell = `. "\${0%/*}/ground"
reached() { echo "reached: $*"; exit 0; }
held() { echo "held: $*"; exit 0; }
`

/** The file of an attempt's program in the folder of tools. */
export function programOf({ name, language }: Attempt): string {
  return `${name.replaceAll(/[^A-Za-z0-9.-]/g, '_')}${language === 'c' ? '' : language === 'sh' ? '.sh' : '.pl'}`
}

function writeProgram(tools: string, attempt: Attempt): void {
  for (const name of ['Escape.pm', 'driver.pl']) copyFileSync(join(programs, name), join(tools, name))
  const path = join(tools, programOf(attempt))
  if (attempt.language === 'sh') writeFileSync(path, `${shell}${attempt.program}\nheld "$?"\n`)
  else if (attempt.language !== 'c') writeFileSync(path, `use Escape;\n${attempt.program}\nheld($!);\n`)
  else if (!compile(join(programs, attempt.program), path))
    writeFileSync(path, '#!/bin/sh\necho "unavailable: there is no C compiler"\n', { mode: 0o755 })
}

function compile(source: string, into: string): boolean {
  try {
    execFileSync('/usr/bin/gcc', ['-o', into, source], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function startMachine(
  prefix: readonly string[],
  args: readonly string[],
  secret: string,
  uid: number,
): Promise<{ where: Record<string, string>; close(): Promise<void> }> {
  const [program = '', ...rest] = [...prefix, '/usr/bin/perl', join(programs, 'machine.pl'), ...args]
  const child = spawn(program, rest, {
    env: { PATH: '/usr/bin:/bin', ESCAPE_SECRET: secret },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(process.getuid?.() === 0 ? { uid, gid: uid } : {}),
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  const where: Record<string, string> = {}
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') break
    const [name = '', value = ''] = line.split('=')
    where[name] = value
  }
  return {
    where,
    async close() {
      child.stdin.end()
      await ended
    },
  }
}

function lines(facts: Readonly<Record<string, string>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
