import { join } from 'node:path'
import type { Clock, FatalError } from '../../../lib/index.ts'
import { type FileSystem, makeFolder } from '../../disk/index.ts'
import { createSteadyTime, openTimestampAuthority, type TimestampAuthority } from '../../timestamp/index.ts'
import type { Signer } from '../../sign/index.ts'
import { leafHash, logsBy, type TlogPolicy } from '../../verify/index.ts'
import { type Appender, createAppender } from '../appender.ts'
import { createFailureSwitch, type FailureSwitch, refuseToStart } from '../failure.ts'
import { markFork, refuseForked, type Fork } from '../fork-mark.ts'
import { type AppendOutcome, type Group, type Job } from '../group.ts'
import { openLogKey } from '../log-key.ts'
import { sourceOf, verifierOf } from '../log-source.ts'
import { cosigned, openWitnesses, timedLine, type WitnessOptions } from '../open-witnesses.ts'
import { createPeopleStore } from '../people-store.ts'
import { createPublisher, type Publisher } from '../publisher.ts'
import { recover } from '../recover.ts'
import { createStaticFiles, type StaticFiles } from '../static-files.ts'
import type { Alarm, Witnesses } from '../witnesses.ts'
import { createHead, type Inclusion } from './head.ts'
import { originOf } from './origin.ts'

export interface AttestationsOptions extends WitnessOptions {
  readonly fs: FileSystem
  /** Of the attestation log alone. */
  readonly folder: string
  /** A hostname; without it the log has a name of its own. */
  readonly origin?: string | undefined
  readonly clock: Clock
  /** Of the newest entry of the log beside it: time does not run back in either. */
  readonly newestMs: () => number
  readonly onFatal: (error: FatalError) => void
  /** Keeps what is to be said of this log, which has no entries of that kind itself. */
  readonly onAlarm: (about: AlarmedLog, alarm: Alarm) => Promise<void>
  readonly publishIntervalMs?: number
  readonly refreshIntervalMs?: number
  readonly queueEntries?: number
}

export interface AlarmedLog {
  readonly origin: string
  readonly mark: (fork: Fork) => Promise<void>
  readonly failure: FailureSwitch
}

export type Included = ({ readonly ok: true } & Inclusion) | (AppendOutcome & { readonly ok: false })

export interface Attestations {
  readonly origin: string
  readonly verifierKey: string
  /** When the log began. */
  readonly sinceMs: number
  readonly authority: TimestampAuthority
  readonly files: StaticFiles
  readonly failure: FailureSwitch
  readonly witnesses: Witnesses
  /**
   * Resolves once the entries are on the disk and in a tree that the log has signed, or none was taken. The same entry again
   * has the number that it has. Never rejects.
   */
  include(entries: readonly Buffer[]): Promise<Included>
  size(): number
  close(): Promise<void>
}

const log = 'the attestation log'

/**
 * Opens or makes the attestation log and its timestamp authority. The folder has one writer: it lies within that of the
 * audit log, whose lock the caller holds. Throws a FatalError as `startAuditLog` does.
 */
export async function openAttestations(options: AttestationsOptions): Promise<Attestations> {
  try {
    return await open(options)
  } catch (error) {
    throw refuseToStart(options.folder, error)
  }
}

async function open(options: AttestationsOptions): Promise<Attestations> {
  const { fs, folder, clock, publishIntervalMs = 1_000, refreshIntervalMs = 600_000 } = options
  await makeFolder(fs, join(folder, 'state'), 0o700)
  const origin = await originOf(fs, folder, options.origin)
  const signer = await openLogKey(fs, folder, origin)
  const source = sourceOf(fs, folder)
  await refuseForked(fs, folder, verifierOf(signer), source)
  const own = signer.as('cosignature')
  const timed = async (note: string) => timedLine(note, own, clock)
  const { published, wal, window, start } = await recover(fs, folder, signer, timed)
  const failure = createFailureSwitch(options.onFatal, log)
  const head = createHead(
    { tree: published.tree, durable: start.durable },
    ...([signer, source, () => publisher.publishedSize()] as const),
  )
  const appender = createAppender({
    ...{ wal, window, clock, failure, start, log, answer: unsigned },
    people: createPeopleStore(fs, folder),
    limits: {
      queueEntries: options.queueEntries ?? 4_096,
      queueBytes: 67_108_864,
      unpublishedBytes: 67_108_864,
    },
    onDurable: (entry) => head.add(entry),
  })
  const about: AlarmedLog = { origin, failure, mark: (fork) => markFork(fs, folder, fork) }
  const witnesses = openWitnesses({ ...options, witnessPolicy: policyFor(options, signer) }, signer, source, {
    onAlarm: (alarm) => options.onAlarm(about, alarm),
    onRecovered: () => publisher.signAgain(),
  })
  const newest = () => Math.max(appender.lastTimeMs(), options.newestMs())
  const time = createSteadyTime(clock, newest)
  const stamps = join(folder, 'state', 'timestamp')
  const authority = await openTimestampAuthority(fs, stamps, time).catch(async (error: unknown) => {
    await wal.close().catch(() => undefined)
    throw error
  })
  // Last of all: it has a timer, and a start that fails must leave nothing that keeps the process.
  const publisher: Publisher = createPublisher({
    ...{ fs, folder, signer, appender, wal, window, published, clock, failure, log },
    ...{ publishIntervalMs, refreshIntervalMs },
    cosign: cosigned(witnesses, timed, failure),
  })
  await publisher.publish()
  return {
    ...{ origin, verifierKey: signer.verifierKey, authority, failure, witnesses },
    files: createStaticFiles(fs, folder),
    sinceMs: authority.chains()[0]?.sinceMs ?? 0,
    include: (entries) => include(appender, entries, head),
    size: () => publisher.publishedSize() + appender.durable().length,
    async close() {
      publisher.stop()
      await appender.drain()
      await publisher.publish()
      await wal.close().catch(() => undefined)
    },
  }
}

async function include(
  appender: Appender,
  entries: readonly Buffer[],
  head: ReturnType<typeof createHead>,
): Promise<Included> {
  // Known by its content: a signature whose answer was lost is sent again as it is.
  const leaves = entries.map((entry) => {
    const hash = leafHash(entry).toBase64()
    return { key: hash, entry, leafHash: hash }
  })
  const outcome = await appender.append(leaves)
  if (!outcome.ok) return outcome
  return { ok: true, ...(await head.prove(outcome.receipts.map(({ index }) => index))) }
}

/** Nobody is given receipts of this log: a checkpoint with a proof says more. */
async function unsigned({ answers }: Group): Promise<{ job: Job; outcome: AppendOutcome }[]> {
  return answers.map(({ job, known }) => {
    const receipts = known.map((one) => ({ ...one, signature: '' }))
    return { job, outcome: { ok: true, receipts, signature: '' } }
  })
}

/** The policy, if it names this log: witnesses know the logs that they cosign. */
function policyFor({ witnessPolicy }: WitnessOptions, signer: Signer): TlogPolicy {
  const isNamed = witnessPolicy !== undefined && logsBy(verifierOf(signer), witnessPolicy).length > 0
  return isNamed ? witnessPolicy : { logs: [], witnesses: [], quorum: () => true }
}
