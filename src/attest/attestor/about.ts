import { sql } from 'kysely'
import type { Store } from '../../store/index.ts'
import { storedOf } from './lookups.ts'
import type { Asked, StoredAttestation } from './model.ts'

type OneOrMore = string | readonly string[]

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
    .where((e) => {
      const meant = e.exists(
        e
          .selectFrom('steps')
          .innerJoin('sessions', 'sessions.id', 'steps.session_id')
          .select('steps.id')
          .whereRef('steps.id', '=', 'attestations.step_id')
          .where(sql<boolean>`${sql.join([sql`1`, ...jobsOf(asked)], sql` AND `)}`),
      )
      return isMeant ? meant : e.not(meant)
    })
    .$if(before !== undefined, (q) => q.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(perPage)
    .execute()
  return rows.map(storedOf)
}

/** By what no job can say of itself: its identity was verified, and its role is the one that it had. */
function jobsOf({ demands, runId }: Asked) {
  const { repository_id: id, owner_id: owner, repository, ref, role, identity, issuer } = demands
  const inRun = demands.same_run === true && runId !== undefined
  const names = repository && [repository].flat().map((one) => one.replace(/^https?:\/\/[^/]+\//, ''))
  const attribute = (name: string) => sql`json_extract(sessions.identity, ${`$.attributes.${name}`})`
  return [
    ...matching(sql`sessions.repository_id`, id),
    ...matching(attribute('owner_id'), owner),
    ...matching(sql`sessions.repository`, names),
    ...matching(attribute('ref'), ref),
    ...matching(sql`steps.role`, role),
    ...matching(sql`json_extract(sessions.identity, '$.signer.san')`, identity),
    ...(issuer === undefined ? [] : [sql`json_extract(sessions.identity, '$.issuerUrl') = ${issuer}`]),
    ...(inRun ? [sql`attestations.run_id = ${runId}`] : []),
  ]
}

/** `*` stands for any run of characters, as in demands; letters in another case may match too, and are judged like all others. */
function matching(column: ReturnType<typeof sql>, patterns: OneOrMore | undefined) {
  if (patterns === undefined) return []
  const one = (pattern: string) =>
    sql`${column} LIKE ${pattern.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%')} ESCAPE '\\'`
  return [sql`(${sql.join([patterns].flat().map(one), sql` OR `)})`]
}
