import { createPublicKey } from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'

/** Whether Sigstore's own verifier takes the bundle. It knows neither Mayfly's rules nor what was revoked. */
export function oracleTakes(
  bundle: unknown,
  trustedRoot: unknown,
  about: { readonly message?: Buffer; readonly publicKey?: string } = {},
): boolean {
  try {
    const { publicKey } = about
    const keys = (_hint: string) => ({
      publicKey: createPublicKey(publicKey ?? ''),
      validFor: () => true,
    })
    const root = TrustedRoot.fromJSON(trustedRoot)
    const material = toTrustMaterial(root, publicKey === undefined ? undefined : keys)
    const thresholds = {
      ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
      tlogThreshold: 1,
      timestampThreshold: 1,
    }
    const json: unknown = typeof bundle === 'string' ? JSON.parse(bundle) : bundle
    new Verifier(material, thresholds).verify(toSignedEntity(bundleFromJSON(json), about.message))
    return true
  } catch {
    return false
  }
}
