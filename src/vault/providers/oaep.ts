import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { MayflyError } from '../../lib/index.ts'
import { decrypt, encrypt, keyBytes } from '../cipher.ts'

/**
 * RSA-OAEP authenticates no context, and its input is short: so a key of its own seals (AES-256-GCM, with the context), and RSA
 * wraps that key. `by` is what the wrapping side needs to find its key again.
 */
export async function wrapWithContext(
  plain: Buffer,
  context: string,
  wrapKey: (key: Buffer) => Promise<{ by?: string; key: Buffer }>,
): Promise<string> {
  const inner = randomBytes(keyBytes)
  const sealed = encrypt(inner, context, plain)
  const { by, key } = await wrapKey(inner)
  inner.fill(0)
  return JSON.stringify({ by, key: key.toString('base64'), sealed: sealed.toString('base64') })
}

const shape = z.strictObject({ by: z.string().optional(), key: z.string(), sealed: z.string() })

/** Throws `vault_key` if it is not what was wrapped. */
export async function unwrapWithContext(
  wrapped: string,
  context: string,
  unwrapKey: (key: Buffer, by: string | undefined) => Promise<Buffer>,
): Promise<Buffer> {
  const { by, key, sealed } = shape.parse(JSON.parse(wrapped))
  const inner = await unwrapKey(Buffer.from(key, 'base64'), by)
  try {
    return decrypt(inner, context, Buffer.from(sealed, 'base64'))
  } catch (cause) {
    throw new MayflyError('vault_key', 'the vault was wrapped by another key than this one: name that one', {
      cause,
    })
  } finally {
    inner.fill(0)
  }
}
