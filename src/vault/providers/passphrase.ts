import { randomBytes, scrypt } from 'node:crypto'
import { z } from 'zod'
import { MayflyError, Secret } from '../../lib/index.ts'
import { decrypt, encrypt, keyBytes } from '../cipher.ts'
import type { KeyProvider } from '../provider.ts'

/** RFC 7914: 128 MiB and near half a second for each guess. */
const usualCost = { n: 2 ** 17, r: 8, p: 1 }
const maxMemory = 2 ** 30
const saltBytes = 16
const shortest = 12

// The store's bytes may be somebody's: what they ask for is bounded.
const shape = z.strictObject({
  kdf: z.literal('scrypt'),
  salt: z.string().max(100),
  n: z
    .int()
    .min(2)
    .max(2 ** 20),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(16),
  sealed: z.string().max(1_000),
})

/**
 * A key made of a passphrase by scrypt; its parameters stand beside what it wrapped. `read` gives the passphrase where it is in a
 * file; without it somebody gives it (`mayfly vault unseal`), and it is forgotten once it was used.
 */
export function createPassphraseProvider(options: {
  describe: string
  read?: () => Secret
  cost?: { n: number; r: number; p: number }
}): KeyProvider {
  let given: Secret | undefined

  function passphrase(): Secret {
    const found = given ?? options.read?.()
    given = undefined
    if (found !== undefined) return found
    throw new MayflyError('vault_sealed', 'the vault waits for its passphrase')
  }

  return {
    kind: 'passphrase',
    describe: options.describe,
    isGivenByHand: options.read === undefined,
    give(secret) {
      given = secret
    },
    async wrap(key, context) {
      const secret = passphrase()
      if (secret.reveal().length < shortest)
        throw new MayflyError('bad_input', `a passphrase has at least ${shortest} characters`)
      const salt = randomBytes(saltBytes)
      const cost = options.cost ?? usualCost
      const sealed = encrypt(await keyOf(secret, salt, cost), context, key)
      return JSON.stringify({
        ...{ kdf: 'scrypt', salt: salt.toString('base64'), ...cost },
        sealed: sealed.toString('base64'),
      })
    },
    async unwrap(wrapped, context) {
      const { salt, sealed, ...cost } = parse(wrapped)
      const key = await keyOf(passphrase(), Buffer.from(salt, 'base64'), cost)
      try {
        return decrypt(key, context, Buffer.from(sealed, 'base64'))
      } catch (cause) {
        throw new MayflyError('vault_key', 'this is not the passphrase of the vault', { cause })
      }
    },
  }
}

function parse(wrapped: string): z.output<typeof shape> {
  const parsed = shape.safeParse(JSON.parse(wrapped))
  if (parsed.success && parsed.data.n * parsed.data.r * 128 <= maxMemory) return parsed.data
  throw new MayflyError(
    'vault_key',
    'how the passphrase is used is damaged in the store: restore it from a backup',
  )
}

function keyOf(
  secret: Secret,
  salt: Buffer,
  { n, r, p }: { n: number; r: number; p: number },
): Promise<Buffer> {
  // The same text may be written in two ways (RFC 8265): the keyboard must not decide.
  const text = secret.reveal().normalize('NFC')
  return new Promise((resolve, reject) =>
    scrypt(text, salt, keyBytes, { N: n, r, p, maxmem: maxMemory + 2 ** 20 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  )
}
