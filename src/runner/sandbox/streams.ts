import { spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { constants as os, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, type Writable } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import { makeOwnFolder } from './own-folder.ts'

/**
 * Standard input, output and error of one step. All three are made for it: what the caller of Mayfly has open there (a
 * script that its shell reads, a file, a folder, a terminal) could be opened anew and written to through /proc/self/fd.
 */
export interface StepStreams {
  /** What the step reads; undefined if that is /dev/null. */
  readonly stdin: Writable | undefined
  readonly stdout: Readable
  readonly stderr: Readable
  /** The step's ends, as `stdio` of `spawn` takes them. */
  readonly theirs: readonly [number | 'ignore', number, number]
  /** Closes the step's ends here, once they were handed on: else nobody would see the step close its own. */
  handedOn(): void
  close(): void
}

/**
 * Real pipes, by mkfifo(3), without a name as soon as they are open: Node's own are pairs of sockets, on which the
 * `> /dev/stderr` of a script fails with ENXIO, and which carry descriptors. `merged`: standard output and error are one
 * pipe, so that lines are whole and in the order in which they were written; `stderr` is then empty.
 */
export function openStreams(withStdin: boolean, merged = false): StepStreams {
  using folder = makeOwnFolder('pipes')
  const opened: number[] = []
  const open = (name: string, flags: number): number => {
    const fd = openSync(join(folder.path, name), flags)
    opened.push(fd)
    return fd
  }
  try {
    const names = ['stdout', ...(merged ? [] : ['stderr']), ...(withStdin ? ['stdin'] : [])]
    makeFifos(names.map((name) => join(folder.path, name)))
    const stdout = outputPipe(open, 'stdout')
    const stderr = merged ? undefined : outputPipe(open, 'stderr')
    const stdin = withStdin ? inputPipe(open) : undefined
    return streamsOf(stdout, stderr, stdin)
  } catch (error) {
    for (const fd of opened) closeSync(fd)
    throw error
  }
}

interface Pipe {
  readonly ours: number
  readonly theirs: number
}

function streamsOf(
  stdout: Pipe,
  stderr: Pipe | undefined,
  stdin: ReturnType<typeof inputPipe> | undefined,
): StepStreams {
  const ours = {
    stdin: stdin && new Socket({ fd: stdin.ours, readable: false, writable: true }),
    stdout: new Socket({ fd: stdout.ours, readable: true, writable: false }),
    stderr:
      stderr === undefined
        ? Readable.from([])
        : new Socket({ fd: stderr.ours, readable: true, writable: false }),
  }
  let left = [
    stdout.theirs,
    ...(stderr === undefined ? [] : [stderr.theirs]),
    ...(stdin === undefined ? [] : [stdin.theirs, stdin.spare]),
  ]
  const handedOn = () => {
    for (const fd of left) closeSync(fd)
    left = []
  }
  return {
    ...ours,
    theirs: [stdin?.theirs ?? 'ignore', stdout.theirs, (stderr ?? stdout).theirs],
    handedOn,
    close() {
      handedOn()
      for (const stream of Object.values(ours)) stream?.destroy()
    },
  }
}

type Open = (name: string, flags: number) => number

// The reader first: without one, opening to write waits. Ours never waits (O_NONBLOCK), the step's does, as programs expect.
function outputPipe(open: Open, name: string): Pipe {
  const ours = open(name, constants.O_RDONLY | constants.O_NONBLOCK)
  return { ours, theirs: open(name, constants.O_WRONLY) }
}

// A reader that does not wait lets our end open; it is closed together with the step's, which does wait.
function inputPipe(open: Open): Pipe & { readonly spare: number } {
  const spare = open('stdin', constants.O_RDONLY | constants.O_NONBLOCK)
  const ours = open('stdin', constants.O_WRONLY | constants.O_NONBLOCK)
  return { ours, theirs: open('stdin', constants.O_RDONLY), spare }
}

/** Not by PATH: a job's PATH names folders that an earlier step may have written to. */
const program = '/usr/bin/mkfifo'

function makeFifos(paths: readonly string[]): void {
  const made = spawnSync(program, ['-m', '600', ...paths], { env: {}, stdio: 'ignore' })
  if (made.status !== 0)
    throw new MayflyError(
      'isolation_unavailable',
      `${program} could not make the pipes of the step (${made.error?.message ?? `exit ${made.status}`}): install coreutils, and see that ${tmpdir()} can be written`,
    )
}

/** Resolves when the program has ended and all that it wrote was read: 0 to 255; after a signal 128 and its number. */
export function endOf(child: ChildProcess, streams: StepStreams): Promise<number> {
  const closed = [streams.stdout, streams.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.once('close', resolve)),
  )
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      streams.close()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      // What nobody reads does not keep the step from ending.
      for (const stream of [streams.stdout, streams.stderr])
        if (stream.readableFlowing === null) stream.resume()
      const status = code ?? 128 + (signal === null ? 9 : os.signals[signal])
      Promise.all(closed).then(() => resolve(status), reject)
    })
  })
}
