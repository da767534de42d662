import { createPublicKey } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'

/** Throws `bad_input` unless it is a public key on P-256 in PEM: with another one nobody could sign what comes after. */
export function refuseOtherKeys(pem: string): void {
  const curve = curveOf(pem)
  if (curve !== 'prime256v1')
    throw new MayflyError(
      'bad_input',
      'a root key is given by its public part, P-256, in PEM: mayfly attest root init makes FILE.pub',
    )
}

function curveOf(pem: string): string | undefined {
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) return undefined
  try {
    return createPublicKey(pem).asymmetricKeyDetails?.namedCurve
  } catch {
    return undefined
  }
}
