import type { Store } from '../../store/index.ts'
import { isOfJob } from './job-filter.ts'
import { handedOut, inOnePage } from './lookups.ts'
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
    for (let left = most; left > 0;) {
      const page = await pageOf(Math.min(left, perPage), isMeant, before)
      if (page.length === 0) break
      yield page
      before = page.at(-1)?.id
      left -= page.length
    }
  }

  async function pageOf(limit: number, isMeant: boolean, before: string | undefined) {
    const rows = await handedOut(store, digest)
      .where((e) => (isMeant ? isOfJob(e, asked) : e.not(isOfJob(e, asked))))
      .$if(before !== undefined, (q) => q.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return inOnePage(rows)
  }
}
