import type { HeldBy } from './hold.ts'
import type { StepLimits } from './limits.ts'

/** A resource's number (asm-generic/resource.h) and its soft and hard limit. */
export type ProcessLimit = readonly [resource: number, value: number]

const [FSIZE, DATA, CORE, NPROC, NOFILE] = [1, 2, 4, 6, 7]

/**
 * The limits that the kernel keeps for each process (setrlimit(2)).
 *
 * No file of the step grows past what it may write in all. No core is dumped: 1, since a program that the machine
 * names in kernel.core_pattern is started in spite of 0, as the machine's root and with the step's memory to read (core(5)).
 * Without a control group each process has the memory limit to itself (its data, not its address space, of which V8, Go
 * and Java reserve far more than they use), and the kernel counts the processes of the step's own user namespace; not if
 * the supervisor is root, whose processes it never counts.
 */
export function processLimits(limits: StepLimits, by: HeldBy): ProcessLimit[] {
  const inGroup = by === 'cgroup2' || by === 'cgroup1'
  return [
    [CORE, 1],
    [NOFILE, limits.openFiles],
    [FSIZE, limits.diskBytes],
    ...(inGroup
      ? []
      : ([
          [DATA, limits.memoryBytes],
          [NPROC, limits.processes],
        ] as const)),
  ]
}

/** /tmp, /var/tmp, /run, /dev/shm and the home folder, which are memory. */
const memoryFolders = 5

/** What each of them may hold. Without a control group, in which they count as memory, all of them together no more than that. */
export function memoryFolderBytes({ memoryBytes, diskBytes }: StepLimits, by: HeldBy): number {
  const share = by === 'cgroup2' || by === 'cgroup1' ? 2 : memoryFolders
  return Math.floor(Math.min(diskBytes, memoryBytes / share))
}

/** What a shell reports of a program that wrote past RLIMIT_FSIZE: 128 and SIGXFSZ. */
export const fileTooLargeExitCode = 153
