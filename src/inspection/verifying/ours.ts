import type { Secret } from '../../lib/index.ts'
import type { KnownHit } from '../../scan/known/index.ts'
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
  secrets: Pick<VaultSecrets, 'known' | 'sweep'>,
  secret: Secret,
): Promise<Ours | 'unsure' | undefined> {
  const known = secrets.known() ?? (await firstSweep(secrets))
  // As a file has it: between other things.
  const text = Buffer.from(` ${secret.reveal()}\n`)
  const { hits, isWhole } = known.find(text)
  const isAll = ({ start, end }: KnownHit<Owner>) =>
    (start <= 1 && end >= text.length - 1) || end - start >= middleBytes
  const hit = hits.find(({ isCertain }) => isCertain) ?? hits.find(isAll)
  if (hit === undefined) return isWhole ? undefined : 'unsure'
  return { owner: hit.of, fingerprint: known.nameOf(idOf(hit.of)), isCertain: hit.isCertain }
}
