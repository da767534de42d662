import type { Server } from 'node:http'
import { join } from 'node:path'
import { type Clock, FatalError, messageOf, systemCode } from '../../lib/index.ts'
import { isKeyName } from '../verify/index.ts'
import { createAppender } from './appender.ts'
import { createFailureSwitch } from './failure.ts'
import { type LogFs, syncFolder, systemFs } from './fs.ts'
import { createHttp } from './http.ts'
import { lockFolder } from './lock.ts'
import { openLogKey } from './log-key.ts'
import { createPublisher } from './publisher.ts'
import { recover } from './recover.ts'
import { createStaticFiles } from './static-files.ts'

export interface AuditLogOptions {
  folder: string
  host: string
  /** 0 for any free one; the address is in `url`. */
  port: number
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
  maxBodyBytes?: number
  queueEntries?: number
  queueBytes?: number
  unpublishedBytes?: number
  fs?: LogFs
}

export interface AuditLog {
  url: string
  /** The public key as a vkey (signed-note), as `key.vkey` has it. */
  verifierKey: string
  /** Takes no more, makes durable and publishes what it took, and frees the folder. */
  close(): Promise<void>
}

/**
 * Opens or makes the log in `folder` and serves it. Resolves when it takes entries.
 * Throws a FatalError: `data_folder` (in use, unusable, another log's), `audit_corrupt` (what is on the disk
 * contradicts itself), `port_in_use`, `config_invalid`.
 */
export async function startAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { folder, fs = systemFs } = options
  checkOptions(options)
  await makeFolders(fs, folder)
  const lock = await lockFolder(fs, join(folder, 'state'))
  const log = await openLog(fs, options).catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  const { appender, publisher, failure, wal } = log
  const { appendTokenHash, maxBodyBytes = 8_388_608 } = options
  let closing = false
  const files = createStaticFiles(fs, folder)
  const isClosing = () => closing
  const server = createHttp({ appender, publisher, failure, files, appendTokenHash, maxBodyBytes, isClosing })
  const close = once(async () => {
    closing = true
    server.close()
    server.closeIdleConnections()
    publisher.stop()
    await appender.drain()
    await publisher.publish()
    await wal.close().catch(() => undefined)
    server.closeAllConnections()
    await lock.release()
  })
  try {
    await publisher.publish()
    const stopped = failure.current()
    if (stopped !== undefined) throw new FatalError('data_folder', stopped.reason)
    const url = await listen(server, options.host, options.port)
    return { url, verifierKey: log.signer.verifierKey, close }
  } catch (error) {
    await close()
    throw error
  }
}

function checkOptions({ origin, appendTokenHash }: AuditLogOptions): void {
  // A name that could be taken for the first line of a receipt would let one signed text pass for another.
  if (!isKeyName(origin) || origin.startsWith('mayfly-receipt') || /^\d+$/.test(origin)) {
    throw new FatalError('config_invalid', `not a name for an audit log: ${origin}`)
  }
  if (!/^[0-9a-f]{64}$/.test(appendTokenHash)) {
    throw new FatalError('config_invalid', 'the hash of the append token is 64 hexadecimal digits')
  }
}

/** Reads the folder back and sets up what works on it; nothing is served yet. */
async function openLog(fs: LogFs, options: AuditLogOptions) {
  const { folder, origin, clock, publishIntervalMs = 1_000, refreshIntervalMs = 600_000 } = options
  const { queueEntries = 20_000, queueBytes = 67_108_864, unpublishedBytes = 268_435_456 } = options
  const signer = await openLogKey(fs, folder, origin)
  const { published, wal, window, start } = await recover(fs, folder, signer)
  const failure = createFailureSwitch(options.onFatal)
  const limits = { queueEntries, queueBytes, unpublishedBytes }
  const appender = createAppender({ wal, window, signer, clock, failure, limits, start })
  const intervals = { publishIntervalMs, refreshIntervalMs }
  const deps = { fs, folder, signer, appender, wal, window, published, clock, failure }
  return { signer, wal, failure, appender, publisher: createPublisher({ ...deps, ...intervals }) }
}

async function makeFolders(fs: LogFs, folder: string): Promise<void> {
  try {
    const made = await fs.mkdir(join(folder, 'state'), { recursive: true, mode: 0o700 })
    if (made !== undefined) await syncFolder(fs, folder)
  } catch (error) {
    throw new FatalError('data_folder', `the folder ${folder} cannot be used: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const code = systemCode(error) === 'EADDRINUSE' ? 'port_in_use' : 'config_invalid'
      reject(
        new FatalError(code, `the audit log cannot listen on ${host}:${port}: ${messageOf(error)}`, {
          cause: error,
        }),
      )
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= action())
}
