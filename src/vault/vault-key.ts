import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { MayflyError, Secret, messageOf } from '../lib/index.ts'

const keyBytes = 32

/** Makes the key file, mode 0600, whole or not at all, never over an existing one. */
export function createVaultKey(file: string): Secret<Buffer> {
  const key = randomBytes(keyBytes)
  const partial = `${file}.new`
  // What a start that was killed has left: it never was a key.
  rmSync(partial, { force: true })
  const fd = openSync(
    partial,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  )
  try {
    writeSync(fd, `${key.toString('base64')}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  try {
    linkSync(partial, file)
  } finally {
    rmSync(partial, { force: true })
  }
  syncFolder(dirname(file))
  return new Secret(key)
}

/** The name has to be on the disk, too: what is sealed from here on opens with this key alone. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Reads the key file. Refuses one that others may read, a link, or anything but 32 bytes of base64. */
export function loadVaultKey(file: string): Secret<Buffer> {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    throw new MayflyError(
      'vault_key',
      `the vault key ${file} cannot be read (${messageOf(cause)}): restore it; without it no secret opens`,
      { cause },
    )
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new MayflyError('vault_key', `the vault key ${file} is no file`)
    const mode = stat.mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new MayflyError(
        'vault_key',
        `the vault key ${file} is open to others (mode ${mode.toString(8)}): chmod 600 it`,
      )
    }
    const text = readFileSync(fd, 'utf8').trim()
    const key = Buffer.from(text, 'base64')
    // Node skips what is not base64; a file that was damaged must not open as another key.
    if (key.length !== keyBytes || key.toString('base64') !== text)
      throw new MayflyError('vault_key', `the vault key ${file} is not 32 bytes of base64`)
    return new Secret(key)
  } finally {
    closeSync(fd)
  }
}
