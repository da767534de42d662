import { execFile, type ExecFileException } from 'node:child_process'
import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { MayflyError } from '../lib/index.ts'

const timeoutMs = 30_000
const maxOutputBytes = 65_536

/**
 * The program of this name that PATH leads to, as an absolute path without links, or `undefined`. Folders that are
 * relative or inside one of `untrusted`, and programs that lie there, are passed over: a step can write to its
 * workspace, and what it leaves there must not run beside the supervisor with the job's own token.
 */
export function findProgram(
  name: string,
  path: string | undefined,
  untrusted: readonly string[],
): string | undefined {
  const roots = untrusted.flatMap((folder) => realPath(folder) ?? [])
  for (const folder of (path ?? '').split(':')) {
    if (!isAbsolute(folder)) continue
    const file = realPath(join(folder, name))
    const inside = [file, realPath(folder)].some(
      (place) => place !== undefined && roots.some((root) => isWithin(root, place)),
    )
    if (file !== undefined && !inside && isExecutable(file)) return file
  }
  return undefined
}

/** What the program wrote to its standard output. Throws `bad_token` if it failed; it runs outside any workspace. */
export async function runProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { env: { ...env }, cwd: '/', timeout: timeoutMs, maxBuffer: maxOutputBytes, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error === null) resolve(stdout)
        // Its message repeats the whole command, and its output could hold a token.
        else reject(failed(`${file} ${args.slice(0, 2).join(' ')}`, error))
      },
    )
  })
}

function failed(command: string, error: ExecFileException): MayflyError {
  const how =
    typeof error.code === 'number'
      ? `exit ${error.code}`
      : (error.code ?? `ended by ${error.signal} after at most ${timeoutMs / 1000} s`)
  return new MayflyError('bad_token', `${command} failed (${how}): run it by hand to see why`)
}

function isWithin(root: string, place: string): boolean {
  const path = relative(root, place)
  return path === '' || (path !== '..' && !path.startsWith('../'))
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
