/** What a step has used, and what it wrote outside its workspace. */
export interface StepUsage {
  /** Processor time of all its processes: in the programs themselves, and in the kernel for them. */
  readonly userMs?: number
  readonly systemMs?: number
  /** Memory at its highest: of all its processes together where a control group counted it, else of the largest one. */
  readonly peakMemoryBytes?: number
  readonly peakOf?: 'step' | 'process'
  readonly left: readonly LeftInMemory[]
}

/** What a folder in memory held at the end beyond what it held at the start. It is gone with the step. */
export interface LeftInMemory {
  readonly folder: string
  readonly bytes: number
  readonly files: number
  /** Some of what is new at its top; characters that cannot be seen are `?`. */
  readonly names: readonly string[]
}

/** What a control group has counted. */
export interface GroupUsage {
  readonly userMs?: number
  readonly systemMs?: number
  readonly peakMemoryBytes?: number
}

/**
 * The last word of the sandbox's first process (init.ts), together with what a control group counted; a step that was killed
 * has the latter alone.
 */
export function usageOf(word: unknown, group: GroupUsage | undefined): StepUsage {
  const { user_ms, system_ms, resident_bytes, left } = (word ?? {}) as Record<string, unknown>
  const own = [user_ms, system_ms, resident_bytes].map(countIn)
  const userMs = own[0] ?? group?.userMs
  const systemMs = own[1] ?? group?.systemMs
  const peakMemoryBytes = group?.peakMemoryBytes ?? own[2]
  return {
    ...(userMs === undefined ? {} : { userMs }),
    ...(systemMs === undefined ? {} : { systemMs }),
    ...(peakMemoryBytes === undefined
      ? {}
      : { peakMemoryBytes, peakOf: group?.peakMemoryBytes === undefined ? 'process' : 'step' }),
    left: Array.isArray(left) ? (left as unknown[]).flatMap(leftIn) : [],
  }
}

function leftIn(value: unknown): LeftInMemory[] {
  const { folder, bytes, files, names } = (value ?? {}) as Record<string, unknown>
  if (typeof folder !== 'string') return []
  const [byteCount = 0, fileCount = 0] = [bytes, files].map(countIn)
  if (byteCount === 0 && fileCount === 0) return []
  const texts = Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
  return [{ folder, bytes: byteCount, files: fileCount, names: texts }]
}

function countIn(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : undefined
}
