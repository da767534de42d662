import { DerError, namedBitsOf, oidOf, readDer, refuseFalse, unsignedOf } from '../../der/index.ts'
import { sequenceOf, type Certificate } from './certificate.ts'
import { isSignedBy } from './ecdsa.ts'

export const extensionIds = {
  ...{
    subjectKey: '2.5.29.14',
    keyUsage: '2.5.29.15',
    alternativeName: '2.5.29.17',
    constraints: '2.5.29.19',
  },
  ...{ authorityKey: '2.5.29.35', extendedUsage: '2.5.29.37', promises: '1.3.6.1.4.1.11129.2.4.2' },
} as const
export const usages = { codeSigning: '1.3.6.1.5.5.7.3.3', timeStamping: '1.3.6.1.5.5.7.3.8' } as const
type Usage = (typeof usages)[keyof typeof usages]

/** Bits of KeyUsage (RFC 5280, section 4.2.1.3). */
export const keyUsages = { digitalSignature: 0x80_00, keyCertSign: 0x04_00 } as const

/** What binds everything below an authority. It has to be critical (sections 4.2.1.10, .11 and .14), and none of it is understood here. */
const binding: ReadonlySet<string> = new Set(['2.5.29.30', '2.5.29.36', '2.5.29.54'])

const judged: ReadonlySet<string> = new Set(
  Object.values(extensionIds).filter((id) => id !== extensionIds.promises),
)

/** Throws `DerError` for an extension that is not looked at here, if its issuer forbids to take it for less, or had to. */
export function refuseUnknown({ extensions }: Certificate): void {
  for (const [id, { critical }] of extensions)
    if ((critical || binding.has(id)) && !judged.has(id))
      throw new DerError(`an extension that limits it and is not known here, ${id}`)
}

/** 0 where the extension is missing. */
export function keyUsageOf({ extensions }: Certificate): number {
  const extension = extensions.get(extensionIds.keyUsage)
  return extension === undefined ? 0 : namedBitsOf(readDer(extension.value))
}

/** `undefined` where the extension is missing. */
export function extendedUsageOf({ extensions }: Certificate): readonly string[] | undefined {
  const extension = extensions.get(extensionIds.extendedUsage)
  return extension === undefined ? undefined : sequenceOf(readDer(extension.value)).map(oidOf)
}

/** How many more certificates of authorities may stand below it; `undefined` for one that is no authority. */
export function authorityOf({ extensions }: Certificate): { readonly pathLength: number } | undefined {
  const extension = extensions.get(extensionIds.constraints)
  if (extension === undefined) return undefined
  const [isAuthority, pathLength, ...more] = sequenceOf(readDer(extension.value))
  if (isAuthority === undefined) return undefined
  refuseFalse(isAuthority)
  if (more.length > 0 || !extension.critical)
    throw new DerError('basic constraints that are not critical, or not DER')
  return { pathLength: pathLength === undefined ? Number.POSITIVE_INFINITY : Number(unsignedOf(pathLength)) }
}

/** What is wrong with a chain that issued `leaf`, its issuer first; `undefined` if nothing is. Times are `outsideOf`'s. */
export function problemOfChain(
  leaf: Certificate,
  chain: readonly Certificate[],
  usage: Usage,
): string | undefined {
  let below = leaf
  for (const [depth, one] of chain.entries()) {
    if (!one.subject.equals(below.issuer)) return 'another authority than the trusted one issued it'
    const authority = authorityOf(one)
    if (
      authority === undefined ||
      authority.pathLength < depth ||
      (keyUsageOf(one) & keyUsages.keyCertSign) === 0
    )
      return 'its issuer may not issue certificates'
    if (extendedUsageOf(one)?.includes(usage) === false)
      return 'its issuer may not issue certificates of this use'
    refuseUnknown(one)
    if (!isSignedBy(one.key, below.hash, below.signed, below.signature))
      return 'the trusted authority did not sign it'
    below = one
  }
  return chain.length === 0 ? 'no authority is trusted' : undefined
}

/** The first of them that was not valid then. */
export function outsideOf(certificates: readonly Certificate[], timeMs: number): Certificate | undefined {
  return certificates.find(({ notBeforeMs, notAfterMs }) => timeMs < notBeforeMs || timeMs > notAfterMs)
}
