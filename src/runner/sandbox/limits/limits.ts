import { totalmem } from 'node:os'

/** What a role says that a step may use up, as the server sends it. */
export interface RoleLimits {
  readonly memory_bytes: number
  readonly processes: number
  /** Processors; all of the machine if left out. */
  readonly cpus?: number
  readonly disk_bytes: number
  /** Of each process. */
  readonly open_files: number
  /** Until the end of the role if left out. */
  readonly time_seconds?: number
  readonly output_bytes: number
}

/** What one step may use up on this machine. */
export interface StepLimits {
  readonly memoryBytes: number
  /** Processes and threads. */
  readonly processes: number
  readonly cpus: number | undefined
  readonly diskBytes: number
  readonly openFiles: number
  readonly timeSeconds: number | undefined
  /** Who set the time: the role, or the step's own line in its pipeline. */
  readonly timeBy: 'role' | 'pipeline'
  readonly outputBytes: number
}

/** The limits that end a step. Too many open files fail in the program; processors make it wait. */
export type LimitName = 'memory' | 'processes' | 'disk' | 'time' | 'output'

/** What the machine can give a step: the supervisor and the CI's agent need some, too, and must outlive it. */
function mostMemory(machineBytes: number): number {
  return machineBytes - Math.min(2 ** 29, machineBytes / 8)
}

/** The role's limits, no more memory than the machine can give, and the sooner of the role's time and the pipeline's. */
export function limitsOf(
  role: RoleLimits,
  timeoutSeconds?: number,
  machineBytes: number = totalmem(),
): StepLimits {
  const byRole = role.time_seconds
  const byPipeline = timeoutSeconds !== undefined && (byRole === undefined || timeoutSeconds < byRole)
  return {
    memoryBytes: Math.min(role.memory_bytes, mostMemory(machineBytes)),
    processes: role.processes,
    cpus: role.cpus,
    diskBytes: role.disk_bytes,
    openFiles: role.open_files,
    timeSeconds: byPipeline ? timeoutSeconds : byRole,
    timeBy: byPipeline ? 'pipeline' : 'role',
    outputBytes: role.output_bytes,
  }
}

/** Why a step was ended, for whoever reads its output: the limit, its value, and what to write for more. */
export function passedText(
  name: LimitName | 'file',
  limits: StepLimits,
  role: string,
  machineBytes: number = totalmem(),
): string {
  const { memoryBytes, processes, diskBytes, outputBytes, timeSeconds = 0 } = limits
  const more = (value: string) =>
    `; if it needs more, write in role "${role}": limits: { ${name === 'file' ? 'disk' : name}: ${value} }`
  switch (name) {
    case 'memory':
      return memoryBytes >= mostMemory(machineBytes)
        ? `it used all the memory that this machine can give it, ${sizeText(memoryBytes)}: give it a larger runner`
        : `it used more memory than its limit of ${sizeText(memoryBytes)}${more(sizeText(memoryBytes * 2))}`
    case 'processes':
      return `it had more processes and threads than its limit of ${processes}${more(String(processes * 2))}`
    case 'disk':
      return `in its workspace, its caches and the files that it hands on more was written than its limit of ${sizeText(diskBytes)} (steps that share a workspace count together)${more(sizeText(diskBytes * 2))}`
    case 'file':
      return `it wrote a file that is larger than its limit of disk, ${sizeText(diskBytes)}, which holds for each file wherever it is${more(sizeText(diskBytes * 2))}`
    case 'output':
      return `it printed more than its limit of ${sizeText(outputBytes)}${more(sizeText(outputBytes * 2))}`
    case 'time':
      return limits.timeBy === 'pipeline'
        ? `it ran longer than the timeout of its step in the pipeline, ${durationText(timeSeconds)}; if it needs more, write in the step: timeout: ${durationText(timeSeconds * 2)}`
        : `it ran longer than its limit of ${durationText(timeSeconds)}${more(durationText(timeSeconds * 2))}`
  }
}

/** What nobody holds a step to without a control group; undefined if the role asks for nothing of it. */
export function unheldText({ cpus }: StepLimits): string | undefined {
  return cpus === undefined
    ? undefined
    : `the role's limit of ${cpus} processors is not held: no control group can be made here (docs/ci.md, Limits)`
}

const sizes = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const

/** As a role is written: whole units, the largest that says it within a tenth. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of sizes)
    if (bytes % size === 0 || bytes >= 10 * size) return `${Math.round(bytes / size)}${unit}`
  return `${Math.ceil(bytes / 1024)}KiB`
}

function durationText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
