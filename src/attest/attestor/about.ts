import type { Store } from '../../store/index.ts'
import { isOfJob } from './job-filter.ts'
import { storedOf } from './lookups.ts'
import type { Asked, StoredAttestation } from './model.ts'

const perPage = 50
/** Who is in the same repository, role, ref and run could meet the demand himself, and hides nothing by making more. */
const mostMeant = 300
/** Of others, which may hold all the same: jobs of a CI that names no repository, and summaries. */
const mostOthers = 100

/**
 * What is signed about a digest, the newest first, in pages: first of the builds that could meet the demand, by what the server itself
 * recorded of their jobs, then others. Whoever knows a digest beforehand can have any number attested of it; what is looked for is found
 * before that.
 */
export async function* attestationsAbout(
  store: Store,
  digest: string,
  asked: Asked,
): AsyncGenerator<readonly StoredAttestation[]> {
  for (const [isMeant, most] of [
    [true, mostMeant],
    [false, mostOthers],
  ] as const) {
    let before: string | undefined
    for (let left = most; left > 0; left -= perPage) {
      const page = await pageOf(store, digest, asked, isMeant, before)
      if (page.length > 0) yield page
      before = page.at(-1)?.id
      if (page.length < perPage) break
    }
  }
}

async function pageOf(
  store: Store,
  digest: string,
  asked: Asked,
  isMeant: boolean,
  before: string | undefined,
): Promise<StoredAttestation[]> {
  const rows = await store.read
    .selectFrom('attestations')
    .selectAll()
    .where('state', '=', 'signed')
    .where('bundle', 'is not', null)
    .where('id', 'in', (e) =>
      e.selectFrom('attestation_subjects').select('attestation_id').where('digest', '=', digest),
    )
    .where((e) => (isMeant ? isOfJob(e, asked) : e.not(isOfJob(e, asked))))
    .$if(before !== undefined, (q) => q.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(perPage)
    .execute()
  return rows.map(storedOf)
}
