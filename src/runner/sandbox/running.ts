import type { Readable, Writable } from 'node:stream'
import type { DirectAttempts } from './direct-attempts.ts'
import type { StepUsage } from './usage.ts'
import type { HeldBy, LimitName } from './limits/index.ts'

/** A step's command while it runs. */
export interface Running {
  /** What the command reads, if that was asked for. */
  readonly stdin: Writable | undefined
  readonly stdout: Readable
  readonly stderr: Readable
  /** Ends with the command: 0 to 255; after a signal 128 and its number, as a shell reports it. */
  readonly exit: Promise<number>
  /** Whether anything of the command may have run. */
  readonly hasStarted: () => boolean
  /** Signals the command and its process group. False if it has not begun, or has ended. */
  signal(name: NodeJS.Signals): boolean
  /** Kills every process of it, at once. */
  kill(): void
  /**
   * What it wrote to the files that were asked for as `handed`, by where it saw them; undefined for one of more than 1 MiB.
   * Empty until `exit`.
   */
  written(): ReadonlyMap<string, string | undefined>
  /** What it tried past its proxy; undefined where that cannot be seen. Ask once, after `exit`. */
  directAttempts(): DirectAttempts | undefined
  /** Folders of the machine, outside, that it can write to. */
  readonly writes: readonly string[]
  /** Who holds it to its limits. */
  readonly heldBy: HeldBy
  /** The limit that the kernel says it ran into. */
  passedLimit(): LimitName | undefined
  /** What it used, and left outside its workspace, as far as that is known. After `exit`. */
  used?(): StepUsage
  /** Its first process, as the host numbers it, while there is one. */
  firstProcess(): number | undefined
}
