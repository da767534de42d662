import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { MayflyError, messageOf, type Secret } from '../../lib/index.ts'
import type { KeyHolder } from './holder.ts'

/** A PEM file of PKCS #8, for its owner only; read each time, and not kept. */
export function createKeyFileHolder(file: string): KeyHolder {
  return holderOf('key-file', file, () => Promise.resolve(privateKeyIn(readOwn(file), file)))
}

/** The same in the vault. */
export function createSecretHolder(name: string, openSecret: (name: string) => Promise<Secret>): KeyHolder {
  return holderOf('secret', name, async () =>
    privateKeyIn((await openSecret(name)).reveal(), `the secret ${name}`),
  )
}

function holderOf(kind: string, describe: string, open: () => Promise<KeyObject>): KeyHolder {
  return {
    kind,
    describe,
    async publicKey() {
      return createPublicKey(await open()).export({ type: 'spki', format: 'der' })
    },
    async sign({ message }) {
      return sign('sha256', message, await open())
    },
  }
}

const making = 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256'

function privateKeyIn(pem: string, where: string): KeyObject {
  try {
    const isPlain = /^-----BEGIN PRIVATE KEY-----\r?\n/.test(pem)
    const key = isPlain ? createPrivateKey({ key: pem, format: 'pem' }) : undefined
    // The curve is looked at before anything is signed; RSA could not even be asked for a signature of this form.
    if (key?.asymmetricKeyType === 'ec') return key
  } catch {
    // What is wrong with it would be said with parts of it.
  }
  throw new MayflyError(
    'attest_key',
    `${where} is no private key of P-256 in PEM (PKCS #8, not encrypted): make one with ${making}`,
  )
}

const maxBytes = 4_096

function readOwn(file: string): string {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    throw new MayflyError(
      'credential_failed',
      `the key ${file} cannot be read (${messageOf(cause)}): restore it, or make one with (umask 077; ${making} > ${file})`,
      { cause },
    )
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > maxBytes)
      throw new MayflyError('attest_key', `${file} is no file with a key`)
    const mode = stat.mode & 0o777
    if ((mode & 0o077) !== 0)
      throw new MayflyError(
        'attest_key',
        `the key ${file} is open to others (mode ${mode.toString(8)}): chmod 600 it; if others have read it, make another one`,
      )
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}
