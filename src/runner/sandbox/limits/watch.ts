import type { Readable } from 'node:stream'
import { watchDisk } from './disk.ts'
import type { HeldBy } from './hold.ts'
import { watchComplaints, type Complaint, type Peak } from './likely.ts'
import type { LimitName, StepLimits } from './limits.ts'
import { fileTooLargeExitCode } from './process-limits.ts'
import { proportionalBytes, usageOfTree } from './tree-usage.ts'

export interface LimitWatch {
  /** The limit that ended the step, once it has ended by itself with this exit code, or was ended. */
  ended(exitCode: number): LimitName | undefined
  /** What its output complains of at its end, and the most that was found of it. */
  seen(): { readonly complaints: readonly Complaint[]; readonly peak: Peak | undefined }
  stop(): void
}

/** What the watch needs of a step that runs. */
export interface Watched {
  /** Folders of the machine that it can write to. */
  readonly writes: readonly string[]
  readonly stdout: Readable
  readonly stderr: Readable
  readonly heldBy: HeldBy
  /** What the kernel says that it ran into. */
  passedLimit(): LimitName | undefined
  /** The first process of the step, as the host numbers it; undefined before it is there. */
  firstProcess(): number | undefined
}

/** How often a step is looked at; oftener where nothing else keeps all its processes together to their limits. */
const [groupLookMs, treeLookMs] = [1_000, 250]

/** Ends a step that has reached a limit: `passed` is called at most once. To be called before its output is read. */
export function watchLimits(deps: {
  limits: StepLimits
  running: Watched
  passed: (name: LimitName) => void
}): LimitWatch {
  const { limits, running } = deps
  let first: LimitName | undefined
  const found = (name: LimitName | undefined) => {
    if (name === undefined || first !== undefined) return
    first = name
    stop()
    deps.passed(name)
  }
  const uncount = countOutput(running, limits.outputBytes, () => found('output'))
  const time =
    limits.timeSeconds === undefined ? undefined : setTimeout(() => found('time'), limits.timeSeconds * 1000)
  const complaints = watchComplaints([running.stdout, running.stderr])
  const { look, peak } = createLook(deps)
  const looking = lookAgain(look, running.heldBy, found)
  const stop = () => {
    clearTimeout(time)
    looking.stop()
    uncount()
    complaints.stop()
  }
  return {
    seen: () => ({ complaints: complaints.found(), peak: peak() }),
    ended(exitCode) {
      first ??= running.passedLimit() ?? (exitCode === fileTooLargeExitCode ? 'disk' : undefined)
      return first
    },
    stop,
  }
}

function lookAgain(
  look: () => Promise<LimitName | undefined>,
  heldBy: HeldBy,
  found: (name: LimitName | undefined) => void,
): { stop(): void } {
  const pauseMs = heldBy === 'cgroup2' || heldBy === 'cgroup1' ? groupLookMs : treeLookMs
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const later = () => (timer = setTimeout(again, pauseMs).unref())
  const again = () =>
    look()
      // A folder that is gone, a process that is: the next look sees what there is then.
      .catch(() => undefined)
      .then((name) => {
        if (stopped) return
        found(name)
        later()
      })
  // The room on the disk as it was before the step; nothing else is there to be seen yet.
  void again()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function createLook({ limits, running }: { limits: StepLimits; running: Watched }): {
  readonly look: () => Promise<LimitName | undefined>
  readonly peak: () => Peak | undefined
} {
  const inGroup = running.heldBy === 'cgroup2' || running.heldBy === 'cgroup1'
  const usage = () => {
    const top = running.firstProcess()
    return top === undefined ? undefined : usageOfTree(top, limits.processes)
  }
  const isDiskPassed = watchDisk(running.writes, limits.diskBytes, () => usage()?.pids ?? [])
  let peak: Peak | undefined
  const passedByTreeNow = () => {
    const now = usage()
    if (now !== undefined)
      peak = {
        processes: Math.max(now.processes, peak?.processes ?? 0),
        memoryBytes: Math.max(now.residentBytes, peak?.memoryBytes ?? 0),
      }
    return passedByTree(now, limits)
  }
  return {
    peak: () => peak,
    async look() {
      const passed = running.passedLimit() ?? (inGroup ? undefined : passedByTreeNow())
      if (passed !== undefined) return passed
      return (await isDiskPassed()) ? 'disk' : undefined
    },
  }
}

function passedByTree(
  usage: ReturnType<typeof usageOfTree> | undefined,
  { processes, memoryBytes }: StepLimits,
): LimitName | undefined {
  if (usage === undefined) return undefined
  if (usage.processes >= processes) return 'processes'
  const isOver = usage.residentBytes >= memoryBytes && proportionalBytes(usage.pids) >= memoryBytes
  return isOver ? 'memory' : undefined
}

function countOutput({ stdout, stderr }: Watched, maxBytes: number, over: () => void): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) over()
  }
  for (const stream of [stdout, stderr]) stream.on('data', count)
  return () => {
    for (const stream of [stdout, stderr]) stream.off('data', count)
  }
}
