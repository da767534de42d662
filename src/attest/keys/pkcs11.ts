import { setTimeout } from 'node:timers/promises'
import { pkcs11Tool, type Pkcs11Token } from '../../key-services/index.ts'
import { MayflyError, messageOf, type Secret } from '../../lib/index.ts'
import type { KeyHolder } from './holder.ts'
import { derOfRaw } from './signature.ts'

export interface Pkcs11Key extends Omit<Pkcs11Token, 'key'> {
  /** Of the key pair, hex. A label would not do: `pkcs11-tool --sign` leaves it aside and takes whatever private key it finds first. */
  readonly id: string
}

/** A key pair of P-256 in a hardware module, by OpenSC's `pkcs11-tool`: the private key never leaves it. */
export function createPkcs11Holder({ id, ...module }: Pkcs11Key): KeyHolder {
  const describe = `${module.token}/${id} by ${module.module}`
  // One after another: small modules have few sessions, and SoftHSM loses its tokens where two programs open them at once.
  const pin = onceWrong(module.pin, describe)
  const tool = oneByOne((args: readonly string[], input?: Buffer) =>
    pin.tried(() => again(() => pkcs11Tool({ ...module, key: { id }, pin: () => pin.read() }, args, input))),
  )
  return {
    kind: 'pkcs11',
    describe,
    async publicKey() {
      try {
        return await tool(['--read-object', '--type', 'pubkey'])
      } catch (cause) {
        // What OpenSC 0.23 says of a public key on another curve.
        if (!messageOf(cause).includes('EVP_PKEY')) throw cause
        throw ofAnotherKind(describe, cause)
      }
    },
    async sign({ digest }) {
      const signature = derOfRaw(await tool(['--sign', '--mechanism', 'ECDSA'], digest))
      if (signature !== undefined) return signature
      throw ofAnotherKind(describe)
    },
  }
}

function ofAnotherKind(describe: string, cause?: unknown): MayflyError {
  return new MayflyError(
    'attest_key',
    `the key ${describe} is none of P-256: check that this id has one key pair, which is (pkcs11-tool --keypairgen --key-type EC:prime256v1 --id ... --usage-sign)`,
    { cause },
  )
}

/** A module locks itself after a few wrong PINs, and work that waits is tried again and again: a wrong one is tried once. */
function onceWrong(pin: () => Secret, describe: string) {
  let last: string | undefined
  let isWrong = false
  return {
    read(): Secret {
      const secret = pin()
      if (isWrong && secret.reveal() === last)
        throw new MayflyError(
          'credential_failed',
          `the PIN of ${describe} was wrong, and is not tried again, since the module would lock itself: put the right one into its file`,
        )
      last = secret.reveal()
      isWrong = false
      return secret
    },
    async tried<T>(work: () => Promise<T>): Promise<T> {
      try {
        return await work()
      } catch (error) {
        isWrong ||=
          error instanceof MayflyError && error.code === 'credential_failed' && /PIN/.test(error.message)
        throw error
      }
    },
  }
}

const pauseMs = 100

/** Once more where the module may just have been busy with another server. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'upstream_unreachable') throw error
    await setTimeout(pauseMs)
    return await work()
  }
}

function oneByOne<Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) {
  let last: Promise<unknown> = Promise.resolve()
  return (...args: Args): Promise<T> => {
    const mine = last.then(() => work(...args))
    last = mine.catch(() => undefined)
    return mine
  }
}
