import type { FileHandle } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { MayflyError, limits, messageOf } from '../../lib/index.ts'
import type { BodyCheck } from '../exchange.ts'
import { openUnnamed } from '../unnamed-file.ts'
import { hashZip } from './hash-zip.ts'
import { differs, type ExpectedSum } from './mod-check.ts'

/** Room for zip files whose digest is not known yet, since it can be told only of a whole one: bounded for all steps together. */
export interface Spool {
  /** A module's zip file is held against its digest; without one it is looked into, and its digest told. */
  check(module: string, version: string, expected: ExpectedSum | undefined): BodyCheck
}

export function createSpool(maxBytes: number = limits.goSpooledBytes): Spool {
  let spooled = 0

  return {
    check(module, version, expected) {
      const what = `${module}@${version}`
      let file: FileHandle | undefined
      let hashing: Promise<string> | undefined
      let bytes = 0
      let digest = ''
      let held: Buffer = Buffer.alloc(0)

      async function take(chunk: Buffer): Promise<Buffer> {
        if (bytes + chunk.length > limits.goZipBytes)
          throw new MayflyError('denied', `${what} is longer than ${limits.goZipBytes} bytes`)
        if (spooled + chunk.length > maxBytes)
          throw new MayflyError('limit_exceeded', 'too many modules are being checked at once: try again')
        spooled += chunk.length
        bytes += chunk.length
        await file?.appendFile(chunk)
        const ready = held
        held = chunk
        return ready
      }

      async function finish(): Promise<Buffer> {
        if (file === undefined) throw new MayflyError('bad_input', 'there is no file')
        hashing = hashZip(file.fd, `${what}/`, () => !body.destroyed)
        digest = await hashing.catch((error: unknown) => {
          throw error instanceof MayflyError
            ? new MayflyError(error.code, `${what}: ${error.message}`)
            : error
        })
        if (expected !== undefined && digest !== expected.sum) throw differs(what, digest, expected)
        return held
      }

      /** Not while it is being read: its number would be another file's. */
      async function close(): Promise<void> {
        await hashing?.catch(() => undefined)
        spooled -= bytes
        await file?.close()
      }

      const body = new Transform({
        construct: (done) =>
          void settle(
            openUnnamed().then((opened) => void (file = opened)),
            done,
          ),
        transform: (chunk: Buffer, _encoding, done) => void settle(take(chunk), done),
        flush: (done) => void settle(finish(), done),
        destroy: (error, done) => void settle(close(), (failure) => done(error ?? failure)),
      })
      return { body, digest: () => digest }
    },
  }
}

async function settle(
  work: Promise<Buffer | void>,
  done: (error: Error | null, ready?: Buffer) => void,
): Promise<void> {
  let ready: Buffer | void
  try {
    ready = await work
  } catch (error) {
    return done(error instanceof Error ? error : new Error(messageOf(error)))
  }
  done(null, ready !== undefined && ready.length > 0 ? ready : undefined)
}
