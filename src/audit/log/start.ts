import { join } from 'node:path'
import { type Clock, FatalError, type ServedCertificate } from '../../lib/index.ts'
import { isKeyName } from '../verify/index.ts'
import { createAppender } from './appender.ts'
import { createFailureSwitch, refuseToStart } from './failure.ts'
import { type FileSystem, makeFolder, systemFs } from '../disk/index.ts'
import { markFork, refuseForked } from './fork-mark.ts'
import { type Group, signGroup } from './group.ts'
import { createHttp } from './http.ts'
import { lockFolder } from '../disk/index.ts'
import { openLogKey } from './log-key.ts'
import { createPeopleStore } from './people-store.ts'
import { createPublisher } from './publisher.ts'
import { recover } from './recover.ts'
import { refuseShared } from './apart.ts'
import { createAlarms } from './alarms.ts'
import { type AlarmedLog, type Attestations, openAttestations } from './attestations/open.ts'
import { sourceOf, verifierOf } from './log-source.ts'
import { cosigned, openWitnesses, timedLine, type WitnessOptions } from './open-witnesses.ts'
import { listen } from '../serve/index.ts'
import { createStaticFiles } from './static-files.ts'

export interface AuditLogOptions extends WitnessOptions {
  folder: string
  host: string
  /** 0 for any free one; the address is in `url`. */
  port: number
  /** With it that port speaks HTTPS. Closed by the caller. */
  certificate?: ServedCertificate
  /** A second port, on 127.0.0.1 in plain HTTP, for the server on this machine; 0 for any free one. */
  localPort?: number
  /** SHA-256 of the append token, hexadecimal; the log never knows the token. */
  appendTokenHash: string
  /** The log's name, for good: the first line of its checkpoints and the name of its key. */
  origin: string
  clock: Clock
  /** Called once when the disk failed. The log goes on answering, with refusals only. */
  onFatal: (error: FatalError) => void
  publishIntervalMs?: number
  /** How old the published checkpoint's file time may get without anything new. */
  refreshIntervalMs?: number
  /** Folders of the server, which must not be the log's, nor within it, nor it within them. */
  notInside?: readonly string[]
  /** Keeps the attestation log and the timestamp authority, too; `origin` is the name of a new one. */
  attestations?: { origin?: string | undefined }
  /** Told, in a line, what whoever runs the log has to know: a lost quorum, a history that is refused. */
  tell?: (line: string) => void
  maxBodyBytes?: number
  queueEntries?: number
  queueBytes?: number
  unpublishedBytes?: number
  fs?: FileSystem
}

export interface AuditLog {
  url: string
  /** Where `localPort` listens. */
  localUrl?: string
  /** The public key as a vkey (signed-note), as `key.vkey` has it. */
  verifierKey: string
  attestations?: { origin: string; verifierKey: string }
  /** Takes no more, makes durable and publishes what it took, and frees the folder. */
  close(): Promise<void>
}

/**
 * Opens or makes the log in `folder` and serves it. Resolves when it takes entries.
 * Throws a FatalError: `data_folder` (in use, unusable, another log's), `disk_full`, `audit_corrupt` (what is on the disk
 * contradicts itself), `port_in_use`, `config_invalid`.
 */
export async function startAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { folder, fs = systemFs } = options
  checkOptions(options)
  refuseShared(folder, options.notInside ?? [])
  await makeFolders(fs, folder)
  const lock = lockFolder(join(folder, 'state'), 'the audit log')
  const log = await openLog(fs, options).catch(async (error: unknown) => {
    lock.release()
    throw refuseToStart(folder, error)
  })
  const { appender, publisher, failure, wal, people, witnesses, attestations } = log
  const { appendTokenHash, maxBodyBytes = 8_388_608 } = options
  let closing = false
  const files = createStaticFiles(fs, folder)
  const isClosing = () => closing
  const { main, local } = createHttp({
    appender,
    people,
    publisher,
    failure,
    witnesses,
    files,
    attestations,
    clock: options.clock,
    appendTokenHash,
    maxBodyBytes,
    isClosing,
    certificate: options.certificate,
    hasLocal: options.localPort !== undefined,
  })
  const servers = local === undefined ? [main] : [main, local]
  const close = once(async () => {
    closing = true
    for (const server of servers) {
      server.close()
      server.closeIdleConnections()
    }
    publisher.stop()
    await appender.drain()
    await publisher.publish()
    await attestations?.close()
    await wal.close().catch(() => undefined)
    await people.close().catch(() => undefined)
    for (const server of servers) server.closeAllConnections()
    lock.release()
  })
  try {
    await publisher.publish()
    const stopped = failure.current() ?? attestations?.failure.current()
    if (stopped !== undefined)
      throw new FatalError(
        stopped.code === 'audit_unavailable' ? 'data_folder' : stopped.code,
        stopped.reason,
      )
    const who = { what: 'the audit log', option: '--port (of mayfly up: --audit-port)' }
    const { certificate } = options
    const url = await listen(main, options.host, options.port, { ...who, certificate })
    const known = { verifierKey: log.signer.verifierKey, ...publicOf(attestations), close }
    if (local === undefined) return { url, ...known }
    return { url, localUrl: await listen(local, '127.0.0.1', options.localPort ?? 0, who), ...known }
  } catch (error) {
    await close()
    throw error
  }
}

function publicOf(attestations: Attestations | undefined): Pick<AuditLog, 'attestations'> {
  if (attestations === undefined) return {}
  const { origin, verifierKey } = attestations
  return { attestations: { origin, verifierKey } }
}

function checkOptions({ origin, appendTokenHash }: AuditLogOptions): void {
  // A name that could be taken for the first line of a receipt or a cosignature would let one signed text pass for another.
  if (!isKeyName(origin) || /^(?:mayfly-receipt.*|cosignature\/v1|\d+)$/.test(origin)) {
    throw new FatalError('config_invalid', `not a name for an audit log: ${origin}`)
  }
  if (!/^[0-9a-f]{64}$/.test(appendTokenHash)) {
    throw new FatalError('config_invalid', 'the hash of the append token is 64 hexadecimal digits')
  }
}

/** Reads the folder back and sets up what works on it; nothing is served yet. */
async function openLog(fs: FileSystem, options: AuditLogOptions) {
  const { folder, origin, clock, publishIntervalMs = 1_000, refreshIntervalMs = 600_000 } = options
  const { queueEntries = 20_000, queueBytes = 67_108_864, unpublishedBytes = 268_435_456 } = options
  const signer = await openLogKey(fs, folder, origin)
  const source = sourceOf(fs, folder)
  await refuseForked(fs, folder, verifierOf(signer), source)
  const own = signer.as('cosignature')
  const timed = async (note: string) => timedLine(note, own, clock)
  const { published, wal, window, start } = await recover(fs, folder, signer, timed)
  const failure = createFailureSwitch(options.onFatal)
  const people = createPeopleStore(fs, folder)
  const limits = { queueEntries, queueBytes, unpublishedBytes }
  const answer = async (group: Group) => await signGroup(group, signer)
  const appender = createAppender({ wal, people, window, answer, clock, failure, limits, start })
  const intervals = { publishIntervalMs, refreshIntervalMs }
  // Alarms about the log beside this one are entries here: it has none that are not signatures.
  const alarmOf = (about: AlarmedLog) =>
    createAlarms({
      ...{ appender, clock, origin: about.origin, mark: about.mark },
      tell: options.tell ?? (() => undefined),
      onContradiction: (reason) =>
        about.failure.fail('asking the witnesses', new FatalError('audit_corrupt', reason)),
    })
  const witnesses = openWitnesses(options, signer, source, {
    onAlarm: alarmOf({ origin, failure, mark: (fork) => markFork(fs, folder, fork) }),
    onRecovered: () => publisher.signAgain(),
  })
  const attestations =
    options.attestations &&
    (await openAttestations({
      ...options,
      ...{ fs, folder: join(folder, 'attestations'), origin: options.attestations.origin },
      newestMs: () => appender.lastTimeMs(),
      onAlarm: (about, alarm) => alarmOf(about)(alarm),
    }).catch(async (error: unknown) => {
      await wal.close().catch(() => undefined)
      throw error
    }))
  // Last of all: it has a timer, and a start that fails must leave nothing that keeps the process.
  const cosign = cosigned(witnesses, timed, failure)
  const deps = { fs, folder, signer, appender, wal, window, published, clock, failure, cosign }
  const publisher = createPublisher({ ...deps, ...intervals })
  return { signer, wal, people, failure, appender, publisher, witnesses, attestations }
}

async function makeFolders(fs: FileSystem, folder: string): Promise<void> {
  try {
    await makeFolder(fs, join(folder, 'state'), 0o700)
  } catch (error) {
    throw refuseToStart(folder, error)
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= action())
}
