import { readFileSync, readdirSync } from 'node:fs'

export interface TreeUsage {
  /** Processes and threads. */
  readonly processes: number
  readonly residentBytes: number
  readonly pids: readonly number[]
}

/** What a process and all below it have now; not looked at any further once there are more than `most` of them. */
export function usageOfTree(top: number, most: number): TreeUsage {
  const pids = [top]
  let processes = 0
  let residentKiB = 0
  for (const pid of pids) {
    const status = readIfThere(`/proc/${pid}/status`)
    processes += numberIn(status, 'Threads')
    residentKiB += numberIn(status, 'VmRSS')
    if (processes > most) break
    pids.push(...childrenOf(pid))
  }
  return { processes, residentBytes: residentKiB * 1024, pids }
}

/**
 * The memory of these processes, each page counted once however many of them share it. Slow: the kernel walks their pages. Of a
 * process that does not let itself be looked at (prctl(2), PR_SET_DUMPABLE) all its pages count.
 */
export function proportionalBytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => {
    const rollup = readIfThere(`/proc/${pid}/smaps_rollup`)
    return rollup === '' ? numberIn(readIfThere(`/proc/${pid}/status`), 'VmRSS') : numberIn(rollup, 'Pss')
  })
  return kibibytes.reduce((sum, one) => sum + one, 0) * 1024
}

/** A process and all below it, the nearest first, as the host numbers them. */
export function processesBelow(top: number, most: number): number[] {
  const pids = [top]
  for (const pid of pids) {
    if (pids.length >= most) break
    pids.push(...childrenOf(pid))
  }
  return pids.slice(0, most)
}

/** Of each of its threads: what a thread starts is that thread's. */
function childrenOf(pid: number): number[] {
  return namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    readIfThere(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  )
}

function numberIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
