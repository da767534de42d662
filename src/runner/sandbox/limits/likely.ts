import type { Readable } from 'node:stream'
import type { StepUsage } from '../usage.ts'
import type { HeldBy } from './hold.ts'
import { sizeText, type StepLimits } from './limits.ts'
import { memoryFolderBytes } from './process-limits.ts'

/** What programs say when the kernel refuses them something, in the words of strerror(3) and of the usual runtimes. */
const complaints = {
  memory:
    /cannot allocate memory|\bENOMEM\b|MemoryError|bad_alloc|OutOfMemoryError|heap out of memory|out of memory/i,
  processes:
    /resource temporarily unavailable|\bEAGAIN\b|can't start new thread|unable to create (?:new )?native thread/i,
  space: /no space left on device|\bENOSPC\b/i,
} as const

export type Complaint = keyof typeof complaints

const tailBytes = 2 ** 16

/** What the end of the output complains of. A step can print what it likes: nothing but a line of advice depends on it. */
export function watchComplaints(streams: readonly Readable[]): { found(): Complaint[]; stop(): void } {
  const tails = streams.map((stream) => {
    let [held, bytes]: [Buffer[], number] = [[], 0]
    const keep = (chunk: Buffer) => {
      held.push(chunk)
      bytes += chunk.length
      while (held.length > 1 && bytes - (held[0]?.length ?? 0) >= tailBytes)
        bytes -= held.shift()?.length ?? 0
    }
    stream.on('data', keep)
    return {
      text: () => Buffer.concat(held).subarray(-tailBytes).toString('latin1'),
      stop: () => stream.off('data', keep),
    }
  })
  return {
    found() {
      const texts = tails.map(({ text }) => text())
      const names = Object.keys(complaints) as Complaint[]
      return names.filter((name) => texts.some((text) => complaints[name].test(text)))
    },
    stop: () => tails.forEach(({ stop }) => stop()),
  }
}

/** The most that a look has found at one time. */
export interface Peak {
  readonly processes: number
  readonly memoryBytes: number
}

/**
 * Lines for a step that failed, where no limit is known to have ended it. Without a control group the kernel refuses the program
 * what is beyond a limit and tells nobody: so what it complains of is held beside the limits and what was seen of it.
 */
export function likelyTexts(
  { limits, role, heldBy }: { limits: StepLimits; role: string; heldBy: HeldBy },
  seen: { complaints: readonly Complaint[]; peak: Peak | undefined; used: StepUsage | undefined },
): string[] {
  const { memoryBytes, processes } = limits
  const more = (name: string, value: string) =>
    `; if it needs more, write in role "${role}": limits: { ${name}: ${value} }`
  const does = (name: Complaint) => seen.complaints.includes(name)
  const lines: string[] = []
  const memory = Math.max(seen.used?.peakMemoryBytes ?? 0, seen.peak?.memoryBytes ?? 0)
  if (heldBy === 'rlimits' && does('memory'))
    lines.push(
      `a limit may be why it failed: its output says that memory ran out. No control group holds it, so the kernel refuses each process data past ${sizeText(memoryBytes)}${memory > 0 ? ` (the most that was seen in use is ${sizeText(memory)})` : ''}${more('memory', sizeText(memoryBytes * 2))}`,
    )
  if (heldBy === 'rlimits' && does('processes'))
    lines.push(
      `a limit may be why it failed: its output says that no process could be started. No control group holds it, so the kernel refuses processes and threads past ${processes}${seen.peak === undefined ? '' : ` (the most that was seen is ${seen.peak.processes})`}${more('processes', String(processes * 2))}`,
    )
  if (heldBy !== 'watch' && does('space')) lines.push(fullText(limits, role, heldBy, undefined))
  return lines
}

/** A folder in memory that was left with no room: within this much of what it holds. */
const nearBytes = 2 ** 16

/** The lines for folders in memory that the step has left full, even if it succeeded: what did not fit is not there. */
export function fullTexts(
  { limits, role, heldBy }: { limits: StepLimits; role: string; heldBy: HeldBy },
  used: StepUsage | undefined,
): string[] {
  const most = memoryFolderBytes(limits, heldBy)
  const full = (used?.left ?? []).filter(({ bytes }) => bytes >= most - nearBytes)
  return full.map(({ folder }) => fullText(limits, role, heldBy, folder))
}

function fullText(limits: StepLimits, role: string, heldBy: HeldBy, folder: string | undefined): string {
  const most = memoryFolderBytes(limits, heldBy)
  const what =
    folder === undefined
      ? `its output says that no space was left: /tmp, /var/tmp, /run, /dev/shm and its home are memory, and hold ${sizeText(most)} each`
      : `${folder} is full: it is memory, and holds ${sizeText(most)}`
  const isByDisk = most === limits.diskBytes
  const [name, now] = isByDisk
    ? (['disk', limits.diskBytes] as const)
    : (['memory', limits.memoryBytes] as const)
  return `${what} (by the limit of ${name}); write large files into the workspace, or in role "${role}": limits: { ${name}: ${sizeText(now * 2)} }`
}
