import { createHash } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'
import type { Signer } from '../sign/index.ts'
import type { KeyHolder } from './holder.ts'
import type { KeyPins } from './pins.ts'
import { isSignedBy, keyIdOf, p256Key } from './signature.ts'

/**
 * A key that is kept elsewhere, held to what it was when it was first used: each signature is verified by the public key that was pinned
 * then, before anybody has it. Whoever can point the name of a key at another one, or answers in its service's place, signs nothing.
 */
export function createCheckedSigner(holder: KeyHolder, pins: KeyPins): Signer {
  const { kind, describe } = holder
  const place = { kind, describe }
  const name = `the key ${describe} (${kind})`
  let known: Promise<Buffer> | undefined

  async function pinned(): Promise<Buffer> {
    // What is pinned is known also while its service is away.
    const before = await pins.at(place)
    if (before !== undefined) return before
    const spki = await holder.publicKey()
    p256Key(spki, name)
    return await pins.pin(place, spki)
  }

  function publicKey(): Promise<Buffer> {
    // What failed is asked again: a provider that was away comes back.
    known ??= pinned().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }

  async function whyNot(pinnedKey: Buffer): Promise<MayflyError> {
    const now = await holder.publicKey()
    if (!pinnedKey.equals(now)) return swapped(name, pinnedKey, now)
    return new MayflyError(
      'credential_failed',
      `${name} answered with a signature that its own public key does not verify, and it was not used: check that exactly one key has this name there`,
    )
  }

  return {
    kind,
    describe,
    publicKey,
    async sign(message) {
      const spki = await publicKey()
      const digest = createHash('sha256').update(message).digest()
      const signature = await holder.sign({ message, digest })
      if (isSignedBy(p256Key(spki, name), message, signature)) return signature
      throw await whyNot(spki)
    },
  }
}

function swapped(name: string, pinned: Buffer, now: Buffer): MayflyError {
  return new MayflyError(
    'attest_key',
    `${name} is another one (${keyIdOf(now)}) than when it was first used (${keyIdOf(pinned)}), and signs nothing: if somebody changed it on purpose, give the new key a name or version of its own and make it \`next\`, then \`signer\` (docs/attest-root.md); if nobody did, find out who can change it`,
  )
}
