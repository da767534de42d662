import type { Secret } from '../../lib/index.ts'
import type { KnownHit } from '../../scan/known/index.ts'
import type { GivenNames } from '../given-names.ts'
import { firstSweep, idOf } from '../collected.ts'
import type { Owner, VaultSecrets } from '../vault-secrets.ts'
import type { Ours } from './model.ts'

/** Of what is longer only the middle is looked for, of so many bytes at least. */
const middleBytes = 240

/**
 * Whose a secret is that somebody presents. What could be guessed counts only where it is all that was presented: else one text would try
 * hundreds of guesses. `unsure`: there was more in it than is looked at.
 */
export async function oursOf(
  { secrets, given }: { secrets: Pick<VaultSecrets, 'known' | 'sweep'>; given: Pick<GivenNames, 'ownerOf'> },
  secret: Secret,
): Promise<Ours | 'unsure' | undefined> {
  const known = secrets.known() ?? (await firstSweep(secrets))
  // As a file has it: between other things.
  const text = Buffer.from(` ${secret.reveal()}\n`)
  const { hits, isWhole } = known.find(text)
  const isAll = ({ start, end }: KnownHit<Owner>) =>
    (start <= 1 && end >= text.length - 1) || end - start >= middleBytes
  const toldOf = (owner: Owner) => ({ owner, fingerprint: known.nameOf(idOf(owner)) })
  const hit = hits.find(({ isCertain }) => isCertain) ?? hits.find(isAll)
  if (hit !== undefined) return { ...toldOf(hit.of), isCertain: hit.isCertain }
  const elsewhere = await given.ownerOf(secret)
  if (elsewhere === undefined) return isWhole ? undefined : 'unsure'
  const { isCertain, ...owner } = elsewhere
  return { ...toldOf(owner), isCertain }
}
