import type { Clock } from '../../lib/index.ts'
import type { Signer } from '../sign/index.ts'
import type { Appender } from './appender.ts'
import { buildCommit, type Cosign, type Published, publishNote, runCommit } from './commit.ts'
import type { FailureSwitch } from './failure.ts'
import type { FileSystem } from '../disk/index.ts'
import type { KeyWindow } from './key-window.ts'
import type { Wal } from './wal.ts'

/** Publishes what is durable: one commit at a time, never two. */
export interface Publisher {
  /** Entries under the published checkpoint. */
  publishedSize(): number
  /** Publishes now what is durable now; waits for a commit that is under way. Never rejects. */
  publish(): Promise<void>
  /** Has what is published signed again, soon: it may get more cosignatures than it has. */
  signAgain(): void
  /** Stops the timer. */
  stop(): void
}

export interface PublisherDeps {
  fs: FileSystem
  folder: string
  signer: Signer
  appender: Pick<Appender, 'durable' | 'release'>
  wal: Wal
  window: KeyWindow
  published: Published
  clock: Clock
  failure: FailureSwitch
  cosign: Cosign
  publishIntervalMs: number
  refreshIntervalMs: number
  /** What a person calls the log, if it is not the audit log. */
  log?: string
}

export function createPublisher(deps: PublisherDeps): Publisher {
  const { fs, folder, appender, wal, window, clock, failure } = deps
  let published = deps.published
  // What a start finds was signed by another process, perhaps long ago, and perhaps by no witness.
  let signedMs = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined

  async function commit(): Promise<void> {
    const entries = appender.durable().slice()
    if (failure.current() !== undefined) return
    try {
      if (entries.length > 0) {
        const next = await buildCommit(published, entries, deps.signer)
        await runCommit(fs, folder, published, next, deps.cosign)
        published = next.next
        appender.release(entries.length)
        await wal.dropBefore(published.tree.size)
        window.forgetBefore(wal.firstIndex())
      } else if (clock.nowMs() - signedMs >= deps.refreshIntervalMs) {
        await publishNote(fs, folder, published.note ?? '', deps.cosign, true)
      } else return
      signedMs = clock.nowMs()
    } catch (error) {
      failure.fail(`publishing ${deps.log ?? 'the audit log'}`, error)
    }
  }

  async function publish(): Promise<void> {
    while (running !== undefined) await running
    running = commit()
    await running
    running = undefined
  }

  const timer = setInterval(() => {
    if (running === undefined) void publish()
  }, deps.publishIntervalMs)
  return {
    publishedSize: () => published.tree.size,
    publish,
    signAgain: () => void (signedMs = Number.NEGATIVE_INFINITY),
    stop: () => clearInterval(timer),
  }
}
