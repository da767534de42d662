import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** What Go is needed for and cannot be had here: the test is skipped, and says so. */
export interface Missing {
  ok: false
  reason: string
}

export interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

const programFolder = import.meta.dirname
const proxyTimeoutMs = 60_000
const buildTimeoutMs = 150_000
const programTimeoutMs = 60_000

// What `go mod download` says when the proxy is not there, or does not have the version. Whatever else it
// says, a checksum mismatch above all, fails the test.
const unreachable =
  /dial tcp|no such host|connection re(?:fused|set)|network is unreachable|timeout|deadline exceeded|EOF|proxyconnect|module lookup disabled|: [45]\d\d |not available/i

/** A Go with a folder of its own for what it makes; `remove` takes that away. */
export interface Go {
  ok: true
  /** Of `path@version`, the folder in the module cache. Throws an Error when it was downloaded, and is not right. */
  module(version: string): { ok: true; folder: string } | Missing
  /** The program in this folder, or in one of its own in there. Throws an Error when it does not compile. */
  build(part?: string): { ok: true; run(args: readonly string[], input?: unknown): Promise<Ran> } | Missing
  remove(): void
}

export function findGo(): Go | Missing {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-interop-'))
  const env: NodeJS.ProcessEnv = { ...process.env, GOWORK: 'off', GOTOOLCHAIN: 'local' }
  // Without a home there is no cache to share, and Go's own are read-only: `-modcacherw` lets us remove them.
  if (!isWritable(homedir()))
    Object.assign(env, {
      GOPATH: join(folder, 'gopath'),
      GOCACHE: join(folder, 'gocache'),
      GOFLAGS: `${process.env['GOFLAGS'] ?? ''} -modcacherw`.trim(),
    })
  const go = (args: readonly string[], timeout: number, cwd = programFolder) =>
    spawnSync('go', args, { cwd, env, encoding: 'utf8', timeout })
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const fail = (message: string): never => {
    remove()
    throw new Error(message)
  }
  if (go(['version'], proxyTimeoutMs).error !== undefined) {
    remove()
    return { ok: false, reason: 'there is no Go on this machine (https://go.dev/dl): install it to run this' }
  }

  function download(args: readonly string[]): { ok: true; stdout: string } | Missing {
    const ran = go(['mod', 'download', ...args], proxyTimeoutMs)
    if (ran.status === 0) return { ok: true, stdout: ran.stdout }
    const said = /"Error": (".*")/.exec(ran.stdout)?.[1] ?? ran.stderr.trim()
    if (/requires go >=/.test(said))
      return { ok: false, reason: `the Go of this machine is too old: ${said}` }
    if (ran.error !== undefined || (unreachable.test(said) && !said.includes('mismatch')))
      return { ok: false, reason: `the Go module proxy did not give what is needed: ${said || 'no answer'}` }
    return fail(`go mod download ${args.join(' ')}: ${said}`)
  }

  return {
    ok: true,
    module(version) {
      const got = download(['-json', version])
      return got.ok ? { ok: true, folder: (JSON.parse(got.stdout) as { Dir: string }).Dir } : got
    },
    build(part) {
      const from = join(programFolder, part ?? '.')
      const got = part === undefined ? download([]) : { ok: true as const }
      if (!got.ok) return got
      const program = join(folder, 'interop')
      const built = go(['build', '-buildvcs=false', '-o', program, '.'], buildTimeoutMs, from)
      if (built.status !== 0)
        fail(`the program in ${from} does not build: ${built.stderr || String(built.error)}`)
      return { ok: true, run: (args, input) => run(program, args, input) }
    },
    remove,
  }
}

async function run(program: string, args: readonly string[], input: unknown): Promise<Ran> {
  const child = spawn(program, args, { timeout: programTimeoutMs })
  // It may have said what it has to say before it reads anything.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input === undefined ? '' : JSON.stringify(input))
  const exited = once(child, 'close') as Promise<[number | null]>
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = await exited
  return { status, stdout, stderr }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
