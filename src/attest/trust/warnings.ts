import type { LogKeys } from '../sign/index.ts'
import { standingOf } from './authorities.ts'
import { draftOf, rootsHere } from './documents.ts'
import { keyIdOf, openKeyRow } from './keys.ts'
import type { TrustDeps } from './model.ts'
import type { TrustState } from './state.ts'

const dayMs = 86_400_000
const soonMs = 60 * dayMs
const signIt = 'mayfly attest root next, root sign, root publish'

/** What an operator has to do, or will have to; nothing of it stops what was signed already. */
export async function warningsOf(
  deps: TrustDeps,
  state: TrustState,
  log: LogKeys | undefined,
  problems: readonly string[],
): Promise<string[]> {
  const { document } = state
  const isOffline = document !== undefined && rootsHere(state).length === 0
  const said = [...problems, ...(await revokedSigner(deps, state)), ...(await keyProblem(deps, state))]
  if (!isOffline) return said.map((one) => `attestations: ${one}`)
  const changes = log === undefined ? [] : (await draftOf(deps, state, log, {})).changes.filter(isOfKeys)
  const leftMs = Date.parse(document.payload.expires ?? '9999-12-31') - deps.clock.nowMs()
  const end = leftMs < 0 ? 'has ended' : `ends in ${Math.ceil(leftMs / dayMs)} days`
  return [
    ...said,
    ...(changes.length === 0
      ? []
      : [`the next trust document waits to be signed by the root key (${changes.join('; ')}): ${signIt}`]),
    ...(leftMs < soonMs ? [`the trust document ${end}: ${signIt}`] : []),
  ].map((one) => `attestations: ${one}`)
}

/** Another end alone can wait until something else is signed. */
function isOfKeys(change: string): boolean {
  return !change.startsWith('~')
}

/** Nothing will ever be signed by it, and no later document changes that. */
async function revokedSigner({ outer = {} }: TrustDeps, { revoked }: TrustState): Promise<string[]> {
  const signer = outer.signer ?? outer.ca
  // Whoever holds it may not answer now: that is told where something is to be signed.
  const spki = await signer?.publicKey().catch(() => undefined)
  if (spki === undefined) return []
  const found = revoked.find(({ key }) => key === keyIdOf(spki))
  if (found === undefined) return []
  const since = new Date(found.from_ms).toISOString()
  return [
    `the key that signs (${found.key.slice(0, 16)}) was revoked from ${since} on, and nothing is signed: name another one in the file of mayfly up --attest, and start again`,
  ]
}

async function keyProblem(deps: TrustDeps, state: TrustState): Promise<string[]> {
  const { outer = {}, clock, vaultKey } = deps
  if (outer.signer !== undefined && outer.next !== 'keyless') return []
  const outerId = outer.ca === undefined ? undefined : keyIdOf(await outer.ca.publicKey())
  const { current } = standingOf(state, clock.nowMs(), outerId)
  if (current === undefined || current.sealed === null) return []
  try {
    openKeyRow(vaultKey, current)
    return []
  } catch (error) {
    const detail = error instanceof Error ? error.message : ''
    return [`${detail}; or go on with a new CA: mayfly attest root rotate ca --now`]
  }
}
