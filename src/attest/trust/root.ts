import { MayflyError } from '../../lib/index.ts'
import { Refusal, trustKey } from '../verify/index.ts'

/** Throws `bad_input` unless it is a public key as verifiers take it: with another one nobody could sign what comes after. */
export function refuseOtherKeys(pem: string): void {
  try {
    trustKey(pem)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new MayflyError(
      'bad_input',
      `a root key is given by its public part, P-256, in PEM (${cause.message}): mayfly attest root init makes FILE.pub`,
      { cause },
    )
  }
}
