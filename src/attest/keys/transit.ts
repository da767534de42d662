import type { TransitAdvice, TransitClient } from '../../key-services/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { spkiOfPem } from './answer.ts'
import type { KeyHolder } from './holder.ts'

/** A version of a key of type ecdsa-p256 of the transit engine of OpenBao or HashiCorp Vault. */
export function createTransitHolder(options: {
  transit: TransitClient
  key: string
  mount: string
  version: number
}): KeyHolder {
  const { transit, key, mount, version } = options
  const describe = `${transit.url} ${mount}/${key} version ${version}`
  const what = `the transit key ${describe}`
  const ofKey = `${mount}/keys/${key}`
  const toSign = `${mount}/sign/${key}`

  return {
    kind: 'transit',
    describe,
    async publicKey() {
      const { type, keys } = await transit.call({ path: ofKey }, adviceOn(`read on ${ofKey}`))
      if (type !== 'ecdsa-p256')
        throw new MayflyError(
          'attest_key',
          `${what} is none of type ecdsa-p256: bao write ${ofKey} type=ecdsa-p256 makes one under another name`,
        )
      const found = (keys as Readonly<Record<string, unknown>> | null | undefined)?.[String(version)]
      if (typeof found !== 'object' || found === null)
        throw new MayflyError(
          'credential_failed',
          `${what} is not there: check the version, and that it was not trimmed (min_available_version)`,
        )
      return spkiOfPem((found as Readonly<Record<string, unknown>>)['public_key'], what)
    },
    async sign({ digest }) {
      const body = {
        ...{ input: digest.toString('base64'), prehashed: true, hash_algorithm: 'sha2-256' },
        ...{ marshaling_algorithm: 'asn1', key_version: version },
      }
      const { signature } = await transit.call({ path: toSign, body }, adviceOn(`update on ${toSign}`))
      const [, by, base64] =
        typeof signature === 'string' && signature.length < 1_000
          ? (/^[a-z]+:v([0-9]+):([A-Za-z0-9+/]+=*)$/.exec(signature) ?? [])
          : []
      if (base64 !== undefined && Number(by) === version) return Buffer.from(base64, 'base64')
      throw new MayflyError(
        'credential_failed',
        `${what}: transit answered with no signature by this version`,
      )
    },
  }
}

function adviceOn(needed: string): TransitAdvice {
  return (status, said) => {
    if (status === 403) return `check the token, and that its policy has ${needed}`
    if (/minimum|too old/.test(said))
      return 'its min_encryption_version is above this version: lower it, or make the newer version `next`, and then `signer`'
    if (status === 404 || /not found/.test(said))
      return 'check the key’s name, the mount and the namespace; a key that was deleted signs no more: name another one'
    return 'check the key: it must be of type ecdsa-p256, and not derived'
  }
}
