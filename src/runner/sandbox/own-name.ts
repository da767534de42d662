import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Names of folders that one supervisor makes for one step and removes after it: they say who made them, so that the next
 * start of Mayfly can remove what a killed one left, and never what a living one needs.
 * `PREFIX-NAMESPACE-PID-STARTTICKS-RANDOM`; a process id means nothing in another PID namespace, so that stands there, too.
 */
export function ownName(prefix: string): string {
  const { namespace, pid, startTicks } = ownMark()
  return `${prefix}-${namespace}-${pid}-${startTicks}-${randomBytes(4).toString('hex')}`
}

/** Was a folder of this name made by a process of this PID namespace that is gone? False if that cannot be told. */
export function isLeftBehind(name: string, prefix: string): boolean {
  const [, namespace, pid, startTicks] = /-(\d{1,20})-(\d{1,10})-(\d{1,20})-[0-9a-f]{8}$/.exec(name) ?? []
  if (!name.startsWith(`${prefix}-`) || pid === undefined || namespace !== ownMark().namespace) return false
  return startTicksOf(Number(pid)) !== startTicks
}

interface Mark {
  readonly namespace: string
  readonly pid: number
  readonly startTicks: string
}

function ownMark(): Mark {
  return {
    namespace: /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0',
    pid: process.pid,
    startTicks: startTicksOf(process.pid) ?? '0',
  }
}

/** Field 22 of proc_pid_stat(5); undefined if there is no such process, or only a zombie of it. */
function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
