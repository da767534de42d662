import { spawn } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, sep } from 'node:path'

/** What a tool that somebody installed may take. */
export const toolBounds = { ms: 120_000, outputBytes: 33_554_432 } as const

export type Ran =
  | { readonly ok: true; readonly output: string; readonly exitCode: number }
  | { readonly ok: false; readonly why: string }

/**
 * Where a program of this name is; undefined if it is not installed. What lies in the checkout itself is no installed program: whoever
 * wrote the checkout would have his own run.
 */
export function findProgram(name: string, path: string, checkout: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue
    try {
      const found = realpathSync(join(folder, name))
      accessSync(found, constants.X_OK)
      if (statSync(found).isFile() && !isWithin(checkout, found) && !isWithin(checkout, folder)) return found
    } catch {
      continue
    }
  }
  return undefined
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

/** Runs it until it ends, its time is over, or it has said too much. It has no secret of this process, and no way to a network. */
export function runProgram(
  program: string,
  args: readonly string[],
  { path, ms = toolBounds.ms }: { readonly path: string; readonly ms?: number },
): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const nowhere = 'http://127.0.0.1:9'
  const child = spawn(program, args, {
    // Tools look for their own settings in the folder that they start in.
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      PATH: path,
      HOME: '/nonexistent',
      LC_ALL: 'C.UTF-8',
      NO_COLOR: '1',
      ...Object.fromEntries(
        ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].map((name) => [
          name,
          nowhere,
        ]),
      ),
    },
  })
  const parts: Buffer[] = []
  let bytes = 0
  let said = ''
  const give = (why: string) => {
    resolve({ ok: false, why })
    kill(child.pid)
  }
  const timer = setTimeout(() => give(`it took longer than ${ms / 1000} s`), ms)
  child.stdout.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > toolBounds.outputBytes) give(`it said more than ${toolBounds.outputBytes} bytes`)
    else parts.push(part)
  })
  child.stderr.on('data', (part: Buffer) => {
    if (said.length < 4_000) said += part.toString('utf8')
  })
  child.on('error', (error) => give(error.message))
  child.on('close', (exitCode, signal) => {
    clearTimeout(timer)
    if (exitCode === null) resolve({ ok: false, why: `it was ended by ${signal}` })
    else if (bytes === 0)
      resolve({ ok: false, why: `exit code ${exitCode}: ${said.trim().split('\n').at(-1) ?? ''}` })
    else resolve({ ok: true, output: Buffer.concat(parts).toString('utf8'), exitCode })
  })
  return promise
}

/** With what it started: it leads a process group of its own. */
function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
