import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { MayflyError, systemCode } from '../../lib/index.ts'
import { fieldOf, gone, maxValueBytes, refused, type SecretStore } from './store.ts'

const timeoutMs = 10_000

/**
 * A program of the server's machine that prints the secret whose path it is given, as its one argument. No shell; nothing of
 * our environment; what it says on standard error is not read, since that may be anything. Exit code 3 says that there is no
 * such secret.
 */
export function commandStore(program: string, bounds = { timeoutMs }): SecretStore {
  return {
    async read({ path, field }) {
      const text = await run(program, path, bounds.timeoutMs)
      return { value: fieldOf(text.replace(/\r?\n$/, ''), field), version: 'latest' }
    },
  }
}

function run(program: string, path: string, afterMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [path], {
      shell: false,
      // A group of its own, so that what it has started ends with it.
      detached: true,
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: homedir() },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const pieces: Buffer[] = []
    let bytes = 0
    const end = (error: MayflyError) => {
      if (child.pid !== undefined) killGroup(child.pid)
      child.stdout.destroy()
      reject(error)
    }
    const timer = setTimeout(
      () =>
        end(new MayflyError('upstream_unreachable', `its program did not answer within ${afterMs / 1000} s`)),
      afterMs,
    )
    child.stdout.on('data', (piece: Buffer) => {
      bytes += piece.length
      pieces.push(piece)
      if (bytes > maxValueBytes) end(refused(`its program printed more than ${maxValueBytes} bytes`))
    })
    child.once('error', (error) =>
      end(refused(`its program cannot be started (${systemCode(error) ?? '?'})`)),
    )
    child.once('close', (code) => {
      clearTimeout(timer)
      if (child.pid !== undefined) killGroup(child.pid)
      if (code === 3) return reject(gone('its program says that there is no such secret (exit code 3)'))
      if (code !== 0)
        return reject(refused(`its program ended with ${code === null ? 'a signal' : `exit code ${code}`}`))
      const printed = Buffer.concat(pieces)
      const text = printed.toString('utf8')
      if (!Buffer.from(text).equals(printed))
        return reject(refused('what its program printed is not UTF-8 text'))
      resolve(text)
    })
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended, and everything of it.
  }
}
