import { closeSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { endSignal } from './keeper.ts'

/**
 * Kills a sandbox at any moment of its life, also while bwrap is still setting it up and has not yet tied its
 * child's life to its own: bwrap is stopped first, so that it makes no more children, then its child (the first
 * process of the PID namespace, and with it everything in there), then bwrap itself.
 */
export function killSandbox(bwrapPid: number): void {
  signal(bwrapPid, 'SIGSTOP')
  for (let tries = 0; tries < maxTries && !isStopped(bwrapPid); tries++);
  for (const child of childrenOf(bwrapPid)) signal(child, 'SIGKILL')
  signal(bwrapPid, 'SIGKILL')
}

/**
 * Sends a signal to the command in a sandbox and to its process group, as a terminal does; its init, the first process of
 * the PID namespace, is in that group and ignores what it has no handler for. False if there is no command.
 */
export function signalCommand(bwrapPid: number, name: NodeJS.Signals): boolean {
  const init = initOf(bwrapPid)
  // bwrap makes the group (--new-session) late in its own start: before that it is the supervisor's.
  if (init === undefined || groupOf(init) !== init || childrenOf(init).length === 0) return false
  try {
    return process.kill(-init, name)
  } catch {
    return false
  }
}

/** The first process of a sandbox's PID namespace, as the host numbers it. */
export function initOf(bwrapPid: number): number | undefined {
  return childrenOf(bwrapPid)[0]
}

/** A process, also if its number is given to another one later. */
export interface ProcessMark {
  readonly pid: number
  readonly startTicks: string | undefined
}

export function markOf(pid: number): ProcessMark {
  return { pid, startTicks: statOf(pid)[19] }
}

/**
 * Resolves when this first process of a PID namespace is dead, and with it everything in there: the kernel has ended all the
 * others before it shows this one as a zombie (pid_namespaces(7)).
 */
export async function untilGone({ pid, startTicks }: ProcessMark): Promise<void> {
  for (;;) {
    const stat = statOf(pid)
    if (stat[19] !== startTicks || startTicks === undefined || /[ZX]/.test(stat[0] ?? 'X')) return
    await sleep(1)
  }
}

/** Kills this process, if it is still the same one. */
export function killMarked({ pid, startTicks }: ProcessMark): void {
  if (startTicks !== undefined && statOf(pid)[19] === startTicks) signal(pid, 'SIGKILL')
}

/** The first process of a step without a process namespace: it ends the rest (keeper.ts). */
export interface Keeper extends ProcessMark {
  /** The user namespace that the step is in and cannot leave: every process in it is the step's. */
  readonly users: string | undefined
}

export function keeperOf(mark: ProcessMark): Keeper {
  return { ...mark, users: usersOf(mark.pid) }
}

/** Tells it to end everything. */
export function endKept(keeper: Keeper): void {
  if (statOf(keeper.pid)[19] === keeper.startTicks) signal(keeper.pid, endSignal)
}

/**
 * Ends what the keeper left, should somebody have killed it (the kernel, for want of memory): whatever is in the step's user namespace.
 * Resolves when there is nothing.
 */
export async function endStrays({ users }: Keeper): Promise<void> {
  if (users === undefined) return
  for (let tries = 0; tries < maxTries; tries++) {
    const strays = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => usersOf(pid) === users && !/[ZX]/.test(statOf(pid)[0] ?? 'X'))
    if (strays.length === 0) return
    for (const name of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of strays) signal(pid, name)
    await sleep(1)
  }
}

function usersOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/user`)
  } catch {
    return undefined
  }
}

/** Readings of /proc until a stop must have arrived; each takes some microseconds. */
const maxTries = 2_000

function signal(pid: number, name: 'SIGSTOP' | 'SIGKILL' | typeof endSignal): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone, which is what was wanted.
  }
}

function isStopped(pid: number): boolean {
  const [state] = statOf(pid)
  return state === undefined || /^[TtZX]/.test(state)
}

function groupOf(pid: number): number {
  return Number(statOf(pid)[2])
}

/** State, parent, process group, ... of proc_pid_stat(5); empty if it is gone. */
function statOf(pid: number): string[] {
  const stat = readIfThere(`/proc/${pid}/stat`)
  // pid (comm) state ...; comm may hold anything, so the rest is what follows the last parenthesis.
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function childrenOf(pid: number): number[] {
  return readIfThere(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
}

/**
 * Closes what this process inherited open from its own parent (an agent's log, socket or folder) and would hand on
 * to every program it starts: with a folder's descriptor a step is out of its sandbox by openat(2). Node's own
 * descriptors all have O_CLOEXEC, and 0, 1 and 2 are meant.
 */
export function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd <= 2) continue
    const flags = /^flags:\s+(\d+)/m.exec(readIfThere(`/proc/self/fdinfo/${fd}`))?.[1]
    if (flags === undefined || (parseInt(flags, 8) & closeOnExec) !== 0) continue
    try {
      closeSync(fd)
    } catch {
      // Closed in between.
    }
  }
}

/** O_CLOEXEC, open(2). */
const closeOnExec = 0o2_000_000

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
