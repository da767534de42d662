import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MayflyError, Secret, messageOf } from '../lib/index.ts'
import { createVaultKey } from '../vault/index.ts'

/**
 * What `mayfly up` keeps on disk. The vault key stands beside the database's folder, not in it, and the audit log
 * has a folder of its own, so that a copy of one is not a copy of the other.
 */
export interface DataFolder {
  readonly root: string
  readonly database: string
  readonly auditFolder: string
  /** What is the server's alone: the audit log must not stand in it. */
  readonly serverFolders: readonly string[]
  /** What steps said, masked. */
  readonly logsFolder: string
  /** What steps saw at terminals of hosts. */
  readonly recordingsFolder: string
  /** Files of packages, for later steps. */
  readonly cacheFolder: string
  /** How far each sink of `--forward` is. */
  readonly forwardFolder: string
  /** The log's public key as it was at the first start; the log cannot change it here. */
  readonly auditKeyFile: string
  /** The same of the attestation log, which the audit log's process keeps. */
  readonly attestationKeyFile: string
  /** The vault key, where no other key provider is configured. */
  readonly keyFile: string
  readonly appendToken: Secret
  /** URLs and process id of the running `up`, for the commands on this machine. */
  readonly readyFile: string
}

/** Opens or makes the folder, mode 0700. Throws `data_folder` or `vault_key` with one line that says what to do. */
export function openDataFolder(path: string, usesKeyFile = true): DataFolder {
  const root = resolve(path)
  const server = join(root, 'server')
  const keys = join(root, 'keys')
  makeFolder(root)
  makeFolder(server)
  makeFolder(keys)
  const database = join(server, 'mayfly.db')
  const keyFile = join(keys, 'vault.key')
  // A database without its key is never given a new one: its secrets would be lost without a word.
  if (usesKeyFile && !existsSync(database) && !existsSync(keyFile)) createVaultKey(keyFile)
  return {
    root,
    database,
    auditFolder: join(root, 'audit'),
    serverFolders: [server, keys],
    logsFolder: join(server, 'logs'),
    recordingsFolder: join(server, 'recordings'),
    cacheFolder: join(server, 'cache'),
    forwardFolder: join(root, 'forward'),
    auditKeyFile: join(keys, 'audit.vkey'),
    attestationKeyFile: join(keys, 'attestations.vkey'),
    keyFile,
    appendToken: loadAppendToken(join(keys, 'audit-append-token')),
    readyFile: join(root, 'up.json'),
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new MayflyError('data_folder', `the data folder ${path} cannot be made: ${messageOf(cause)}`, {
      cause,
    })
  }
  const stat = lstatSync(path)
  const own = process.getuid?.() ?? stat.uid
  if (stat.uid !== own) {
    throw new MayflyError(
      'data_folder',
      `the data folder ${path} belongs to user ${stat.uid}, this is user ${own}: choose another --data, or run as its owner`,
    )
  }
  if ((stat.mode & 0o022) !== 0) {
    throw new MayflyError('data_folder', `others may write to the data folder ${path}: chmod 700 it`)
  }
}

function loadAppendToken(file: string): Secret {
  if (!existsSync(file)) writeWhole(file, `${randomBytes(32).toString('base64url')}\n`)
  return new Secret(readFileSync(file, 'utf8').trim())
}

/** Writes a file that is there whole or not at all, for its owner only. */
export function writeWhole(file: string, text: string): void {
  const partial = `${file}.new`
  writeFileSync(partial, text, { mode: 0o600, flush: true })
  renameSync(partial, file)
}
