import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import { createSigner, parseSignerKey, type Signer } from '../sign/index.ts'
import { type FileSystem, readIfThere, replaceFile } from '../disk/index.ts'

/**
 * The log's key from `state/key`, made at the first start; `key.vkey` in the folder is its public half.
 * Throws a FatalError when the key is missing from a folder that has a log, is malformed, is another log's, or
 * is not the one that was published: a log never changes its key or name silently.
 */
export async function openLogKey(fs: FileSystem, folder: string, origin: string): Promise<Signer> {
  const path = join(folder, 'state', 'key')
  const publicPath = join(folder, 'key.vkey')
  const published = (await readIfThere(fs, publicPath))?.toString().trim()
  const stored = (await readIfThere(fs, path))?.toString()
  if (stored === undefined && (published !== undefined || (await hasLog(fs, folder)))) {
    throw new FatalError(
      'data_folder',
      `${path} is missing, but the folder holds a log: restore it from a backup`,
    )
  }
  const signer = stored === undefined ? createSigner(origin, randomBytes(32)) : parseSignerKey(stored)
  if (signer === undefined) throw new FatalError('data_folder', `${path} is not the key of an audit log`)
  if (signer.name !== origin) {
    throw new FatalError('data_folder', `${folder} is the log of ${signer.name}, not of ${origin}`)
  }
  if (published !== undefined && published !== signer.verifierKey) {
    throw new FatalError('data_folder', `${publicPath} is not the public half of ${path}`)
  }
  if (stored === undefined) await replaceFile(fs, path, Buffer.from(`${signer.encode()}\n`), 0o600)
  if (published === undefined) await replaceFile(fs, publicPath, Buffer.from(`${signer.verifierKey}\n`))
  return signer
}

async function hasLog(fs: FileSystem, folder: string): Promise<boolean> {
  const files = [join(folder, 'checkpoint'), join(folder, 'state', 'lock-checkpoint')]
  for (const file of files) if ((await readIfThere(fs, file)) !== undefined) return true
  return false
}
