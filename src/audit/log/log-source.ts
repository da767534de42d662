import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import { type FileSystem, namesIn, readIfThere } from '../disk/index.ts'
import type { Signer } from '../sign/index.ts'
import { type LogSource, parseVerifierKey, type Verifier } from '../verify/index.ts'

/** The folder as its readers see it. */
export function sourceOf(fs: FileSystem, folder: string): LogSource {
  return {
    name: folder,
    read: (path) => readIfThere(fs, join(folder, path)),
    list: (path) => namesIn(fs, join(folder, path)),
  }
}

/** The public half, as a reader has it. */
export function verifierOf(signer: Signer): Verifier {
  const log = parseVerifierKey(signer.verifierKey)
  if (log === undefined) throw new FatalError('config_invalid', `not the key of a log: ${signer.verifierKey}`)
  return log
}
