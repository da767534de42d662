import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { MayflyError, limits, messageOf, systemCode } from '../lib/index.ts'
import { castEvent, castHead, type CastEvent, type CastHead } from './asciicast.ts'

/** The file of a recording while it is written. */
export interface CastFile {
  /** Resolves once the event is in the file. Throws `disk_full`, `store_failed`, `limit_exceeded`; then nothing more is taken. */
  write(ms: number, event: CastEvent, text: string): Promise<void>
  /** What it has now, on disk. Throws what a write has thrown before, and `store_failed`. */
  end(): Promise<{ readonly bytes: number; readonly sha256: string }>
}

/**
 * Makes a file that nobody else can read, with its head on disk. `take` is asked for room for so many bytes before they are
 * written, and throws where there is none. Throws `disk_full`, `store_failed`.
 */
export async function createCastFile(
  path: string,
  head: CastHead,
  take: (bytes: number) => void,
): Promise<CastFile> {
  const hash = createHash('sha256')
  let bytes = 0
  let failed: MayflyError | undefined
  let last: Promise<unknown> = Promise.resolve()
  let handle: FileHandle

  async function append(line: Buffer): Promise<void> {
    if (failed !== undefined) throw failed
    try {
      if (bytes + line.length > limits.recordingBytes)
        throw new MayflyError(
          'limit_exceeded',
          `the recording of this session has ${limits.recordingBytes} bytes, and none may have more: begin another`,
        )
      take(line.length)
      await handle.appendFile(line)
    } catch (error) {
      failed = faultOf(error)
      throw failed
    }
    hash.update(line)
    bytes += line.length
  }

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }

  try {
    handle = await open(path, 'wx', 0o600)
  } catch (error) {
    throw faultOf(error)
  }
  try {
    await append(castHead(head))
    await handle.sync()
  } catch (error) {
    await handle.close()
    throw faultOf(error)
  }
  return {
    write: (ms, event, text) => inTurn(() => append(castEvent(ms, event, text))),
    end: () =>
      inTurn(async () => {
        try {
          await handle.sync()
        } catch (error) {
          failed ??= faultOf(error)
        } finally {
          await handle.close()
        }
        if (failed !== undefined && failed.code !== 'limit_exceeded') throw failed
        return { bytes, sha256: hash.digest('hex') }
      }),
  }
}

function faultOf(cause: unknown): MayflyError {
  if (cause instanceof MayflyError) return cause
  const isFull = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(cause) ?? '')
  return new MayflyError(
    isFull ? 'disk_full' : 'store_failed',
    isFull
      ? 'the server’s disk has no room for the recording of this session'
      : `the server cannot record this session: ${systemCode(cause) ?? messageOf(cause)}`,
    { cause },
  )
}
