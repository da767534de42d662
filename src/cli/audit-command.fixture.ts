import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../main/mayfly.ts', import.meta.url))

/** The arguments of Node in front of those of `mayfly audit`. */
export const program = [...process.execArgv.filter((arg) => !arg.startsWith('--test')), main, 'audit']

export interface Ran {
  /** -1 if it had to be killed: it hung. */
  code: number
  stdout: string
  stderr: string
}

/** Runs `mayfly audit` with these arguments, for a minute at most. */
export async function audit(...args: string[]): Promise<Ran> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [...program, ...args], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    )
  })
}
