import { join } from 'node:path'
import { type Clock, type FatalError } from '../../../lib/index.ts'
import { type FileSystem, makeFolder } from '../../disk/index.ts'
import { createSteadyTime, openTimestampAuthority, type TimestampAuthority } from '../../timestamp/index.ts'
import { logsBy, type TlogPolicy } from '../../verify/index.ts'
import { createFailureSwitch, type FailureSwitch, refuseToStart } from '../failure.ts'
import { markFork, refuseForked, type Fork } from '../fork-mark.ts'
import { openLogKey } from '../log-key.ts'
import { sourceOf, verifierOf } from '../log-source.ts'
import { openWitnesses, timedLine, type WitnessOptions } from '../open-witnesses.ts'
import { recover } from '../recover.ts'
import { createStaticFiles, type StaticFiles } from '../static-files.ts'
import type { Alarm, Witnesses } from '../witnesses.ts'
import { createCommitter, type Committer } from './committer.ts'
import { createCosigning } from './cosigning.ts'
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
  readonly refreshIntervalMs?: number
  readonly queueEntries?: number
}

export interface AlarmedLog {
  readonly origin: string
  readonly mark: (fork: Fork) => Promise<void>
  readonly failure: FailureSwitch
}

export interface Attestations {
  readonly origin: string
  readonly verifierKey: string
  readonly sinceMs: number
  readonly committer: Committer
  readonly authority: TimestampAuthority
  readonly files: StaticFiles
  readonly failure: FailureSwitch
  readonly witnesses: Witnesses
  close(): Promise<void>
}

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
  const { fs, folder, clock, refreshIntervalMs = 600_000, queueEntries = 4_096 } = options
  await makeFolder(fs, join(folder, 'state'), 0o700)
  const origin = await originOf(fs, folder, options.origin)
  const signer = await openLogKey(fs, folder, origin)
  const source = sourceOf(fs, folder)
  await refuseForked(fs, folder, verifierOf(signer), source)
  const own = signer.as('cosignature')
  const timed = async (note: string) => timedLine(note, own, clock)
  const { published, wal, window, start } = await recover(fs, folder, signer, timed)
  const failure = createFailureSwitch(options.onFatal, 'the attestation log')
  const about: AlarmedLog = { origin, failure, mark: (fork) => markFork(fs, folder, fork) }
  const witnesses = openWitnesses(
    { ...options, ...policyFor(options.witnessPolicy, signer) },
    signer,
    source,
    {
      onAlarm: (alarm) => options.onAlarm(about, alarm),
      onRecovered: () => cosigning.published(committer.note()),
    },
  )
  const committer: Committer = createCommitter({
    ...{ fs, folder, source, signer, wal, window, published, start, clock, failure, timed, queueEntries },
    onPublished: (note) => cosigning.published(note),
  })
  const cosigning = createCosigning(witnesses, committer, timed)
  const newest = () => Math.max(committer.lastTimeMs(), options.newestMs())
  const time = createSteadyTime(clock, newest)
  const authority = await openTimestampAuthority(fs, join(folder, 'state', 'timestamp'), time)
  await committer.publishFound()
  const refreshing = setInterval(() => {
    const note = committer.note()
    void committer.publishAgain(note, timed).then(() => cosigning.published(note))
  }, refreshIntervalMs)
  return {
    ...{ origin, verifierKey: signer.verifierKey, committer, authority, failure, witnesses },
    files: createStaticFiles(fs, folder),
    sinceMs: authority.chains()[0]?.sinceMs ?? 0,
    async close() {
      clearInterval(refreshing)
      await committer.drain()
      await cosigning.drain()
      await committer.drain()
      await wal.close().catch(() => undefined)
    },
  }
}

/** The policy, if it names this log: witnesses know the logs that they cosign. */
function policyFor(policy: TlogPolicy | undefined, signer: Parameters<typeof verifierOf>[0]) {
  if (policy === undefined || logsBy(verifierOf(signer), policy).length === 0)
    return { witnessPolicy: { logs: [], witnesses: [], quorum: () => true } satisfies TlogPolicy }
  return { witnessPolicy: policy }
}
