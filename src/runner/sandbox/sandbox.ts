import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { bwrapArguments, bwrapOptions, environmentBlock, type SandboxPlan } from './bwrap.ts'
import { writeSandboxFiles } from './files.ts'
import { closeInherited, killSandbox } from './process-tree.ts'
import { seccompFilter } from './seccomp.ts'

export interface SandboxRequest {
  readonly workspace: string
  readonly tools: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly caCertificate: string
  readonly disableUserns: boolean
  /** Path of bubblewrap, as the probe found it. */
  readonly bwrap: string
}

export interface Sandbox {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Called with the socket that the step's proxy connections arrive on. Before the command starts. */
  onListener(accept: (listener: Server) => void): void
  /** Ends with the command: 0 to 255; after a signal 128 and its number, as a shell reports it. */
  readonly exit: Promise<number>
  /** Kills every process in it, at once. */
  kill(): void
}

/** Starts the command in its sandbox. Everything made for it is gone when it ends. */
export function startSandbox(request: SandboxRequest): Sandbox {
  const files = writeSandboxFiles(request.caCertificate)
  try {
    closeInherited()
    const plan: SandboxPlan = {
      ...request,
      files: files.folder,
      channelFd: 3,
      seccompFd: 4,
      optionsFd: 5,
      environmentFd: 6,
    }
    const hadCommonDir = existsSync(join(request.workspace, commonDir))
    const child = spawnBwrap(request, plan)
    return supervised(child, () => {
      files[Symbol.dispose]()
      // It would send git to a folder of the step's own for configuration and hooks (gitrepository-layout).
      if (!hadCommonDir) rmSync(join(request.workspace, commonDir), { force: true })
    })
  } catch (error) {
    files[Symbol.dispose]()
    throw error
  }
}

const commonDir = '.git/commondir'

function spawnBwrap(request: SandboxRequest, plan: SandboxPlan): ChildProcess {
  const handed: number[] = []
  const hand = (name: string, content: Buffer) => {
    const fd = openFile(join(plan.files, name), content)
    handed.push(fd)
    return fd
  }
  try {
    const filter = hand('filter', seccompFilter())
    const options = hand('options', bwrapOptions(plan))
    const environment = hand('environment', environmentBlock(request.env))
    return spawn(request.bwrap, bwrapArguments(plan), {
      // A terminal could be written to through standard input, past the masker.
      stdio: [
        process.stdin.isTTY ? 'ignore' : 'inherit',
        'pipe',
        'pipe',
        'ipc',
        filter,
        options,
        environment,
      ],
      // Nothing of the supervisor's environment: bwrap clears it for the step, and needs none itself.
      env: {},
    })
  } finally {
    for (const fd of handed) closeSync(fd)
  }
}

function supervised(child: ChildProcess, cleanUp: () => void): Sandbox {
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + signalNumber(signal)))
  }).finally(cleanUp)
  return {
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    onListener(accept) {
      child.on('message', (_message, handle) => {
        if (handle !== undefined) accept(handle as Server)
      })
    },
    exit,
    kill() {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        killSandbox(child.pid)
    },
  }
}

/** A file that only this user can read, open for reading and already without a name. */
function openFile(path: string, content: Buffer): number {
  writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
  const fd = openSync(path, 'r')
  unlinkSync(path)
  return fd
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return (
    { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 }[
      signal as string
    ] ?? 9
  )
}
