import { verify } from 'node:crypto'
import type { Exchange } from '../exchange.ts'
import { isRecord } from './json.ts'

type Keys = NonNullable<Exchange['connection']['signatureKeys']>

/** A signature as packuments have it: `dist.signatures`. */
export interface Signature {
  readonly keyid: string
  /** Base64 of ECDSA with SHA-256, in DER. */
  readonly sig: string
}

/** More than any registry has keys at one time. */
const maxSignatures = 10

export function signaturesIn(value: unknown): readonly Signature[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, maxSignatures).flatMap((one: unknown) => {
    if (!isRecord(one)) return []
    const { keyid, sig } = one
    return typeof keyid === 'string' && typeof sig === 'string' ? [{ keyid, sig }] : []
  })
}

/**
 * Why the registry has not signed that this is the version's digest; undefined if it has. Signed is `name@version:integrity`, the
 * integrity as the registry writes it (docs.npmjs.com, "ECDSA registry signatures").
 */
export function unsigned(
  keys: Keys,
  signed: {
    readonly name: string
    readonly version: string
    readonly integrity: string
    readonly signatures: readonly Signature[]
  },
): string | undefined {
  const { name, version, integrity, signatures } = signed
  const what = `${name}@${version}`
  if (signatures.length === 0)
    return `the registry has not signed ${what}, and its connection names signature_keys`
  const known = signatures.flatMap(({ keyid, sig }) => {
    const key = keys.find((one) => one.keyid === keyid)?.key
    return key === undefined ? [] : [{ key, sig }]
  })
  if (known.length === 0)
    return `${what} is signed by ${signatures.map(({ keyid }) => keyid.slice(0, 100)).join(', ')}, which is not among the signature_keys of its connection`
  const message = Buffer.from(`${what}:${integrity}`)
  return known.some(({ key, sig }) => verify('sha256', message, key, Buffer.from(sig, 'base64')))
    ? undefined
    : `the registry's signature of ${what} does not hold for the digest that it names`
}
