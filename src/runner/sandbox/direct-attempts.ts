import { closeSync, openSync, readSync } from 'node:fs'

/** What a step tried past its proxy: connections and datagrams to an address that its network has no way to. */
export interface DirectAttempts {
  readonly ipv4: number
  readonly ipv6: number
}

export interface AttemptCounter {
  /** As counted until now, or until the end of the sandbox. */
  read(): DirectAttempts
  close(): void
}

/**
 * Counts by the kernel's own counters of the sandbox's network (`OutNoRoutes`), which has nothing but `lo`. What goes to
 * the loopback has a way and is not counted, nor is a name that is not found: it never became an address. The open files
 * keep the counters after the last process is gone. `pid` is any process in there, as the host numbers it.
 */
export function countDirectAttempts(pid: number): AttemptCounter | undefined {
  const ipv4 = openIfThere(`/proc/${pid}/net/snmp`)
  const ipv6 = openIfThere(`/proc/${pid}/net/snmp6`)
  if (ipv4 === undefined) return undefined
  return {
    read: () => ({
      ipv4: columnOf(textOf(ipv4), 'Ip:', 'OutNoRoutes'),
      ipv6: ipv6 === undefined ? 0 : Number(/^Ip6OutNoRoutes\s+(\d+)$/m.exec(textOf(ipv6))?.[1] ?? 0),
    }),
    close() {
      for (const fd of [ipv4, ipv6]) if (fd !== undefined) closeSync(fd)
    },
  }
}

const maxBytes = 65_536

function textOf(fd: number): string {
  const bytes = Buffer.alloc(maxBytes)
  return bytes.toString('latin1', 0, readSync(fd, bytes, 0, maxBytes, 0))
}

/** /proc/net/snmp: a line of names, then a line of numbers, both with the protocol in front. */
function columnOf(text: string, protocol: string, name: string): number {
  const [names, numbers] = text
    .split('\n')
    .filter((line) => line.startsWith(protocol))
    .map((line) => line.split(' '))
  return Number(numbers?.[names?.indexOf(name) ?? -1] ?? 0)
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
