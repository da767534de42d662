import { MayflyError, limits } from '../../lib/index.ts'
import { npmAttestations, type Attestation } from '../../provenance/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'

/** What the registry has of a version's provenance; none, if it says that there is none. Throws `denied` if it does not say. */
export async function fetchAttestations(
  exchange: Exchange,
  permit: Permit,
  name: string,
  version: string,
): Promise<readonly Attestation[]> {
  const answer = await exchange.send(permit, {
    method: 'GET',
    path: `/-/npm/v1/attestations/${name.replace('/', '%2f')}@${version}`,
    headers: { accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': 'npm' },
  })
  const { statusCode } = answer
  if (statusCode === 200) {
    const text = await exchange.read(answer, limits.attestationsBytes)
    const attestations = text === undefined ? undefined : npmAttestations(text.toString('utf8'))
    if (attestations !== undefined) return attestations
  } else discard(answer)
  if (statusCode === 404) return []
  throw new MayflyError(
    'denied',
    `whether ${name}@${version} has provenance is not known: the registry answered ${statusCode === 200 ? 'with no attestations' : statusCode}`,
  )
}
