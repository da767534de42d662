import { sha256Hex } from '../../lib/index.ts'
import type { Redactor } from '../redactor.ts'
import type { StepUsage } from '../sandbox/index.ts'

/** What ran: masked, and cut to what an entry has room for. */
export interface ScriptRecord {
  readonly text: string
  /** The `run` of a pipeline file, as it stands there; or program and arguments. */
  readonly of: 'run' | 'argv'
  /** Of that text; of arguments with a NUL behind each, as /proc/PID/cmdline has them. Missing if a secret stands in it. */
  readonly sha256?: string
}

export interface UsageRecord {
  readonly resources: {
    readonly user_ms?: number
    readonly system_ms?: number
    readonly peak_memory_bytes?: number
    readonly peak_of?: 'step' | 'process'
  }
  readonly left_in_memory?: readonly {
    readonly folder: string
    readonly bytes: number
    readonly files: number
    readonly names: readonly string[]
  }[]
}

const maxTextChars = 1_000

/** The digest is of what really ran, so that it can be held against the pipeline file of the commit. */
export function scriptRecord(
  { command, script }: { readonly command: readonly string[]; readonly script?: string },
  redactor: Pick<Redactor, 'text' | 'command'>,
): ScriptRecord {
  const masked = script === undefined ? redactor.command(command) : redactor.text(script)
  // A digest of a text that is known but for a short secret gives the secret away.
  const isMasked = masked !== (script ?? command.join(' '))
  const plain = script ?? command.map((one) => `${one}\0`).join('')
  return {
    text: masked.slice(0, maxTextChars),
    of: script === undefined ? 'argv' : 'run',
    ...(isMasked ? {} : { sha256: sha256Hex(plain) }),
  }
}

/** Names in there are the step's own choice: a secret may be one. */
export function usageRecord(
  used: StepUsage | undefined,
  redactor: Pick<Redactor, 'text'>,
): UsageRecord | undefined {
  if (used === undefined) return undefined
  const { userMs, systemMs, peakMemoryBytes, peakOf, left } = used
  const resources = {
    ...(userMs === undefined ? {} : { user_ms: userMs }),
    ...(systemMs === undefined ? {} : { system_ms: systemMs }),
    ...(peakMemoryBytes === undefined ? {} : { peak_memory_bytes: peakMemoryBytes }),
    ...(peakOf === undefined ? {} : { peak_of: peakOf }),
  }
  if (left.length === 0) return { resources }
  const masked = left.map(({ names, ...one }) => ({
    ...one,
    names: names.map((name) => redactor.text(name)),
  }))
  return { resources, left_in_memory: masked }
}
