import { sql, type ExpressionBuilder } from 'kysely'
import type { Tables } from '../../store/index.ts'
import type { Asked } from './model.ts'

type OneOrMore = string | readonly string[]

/** Is the attestation of a step whose job could meet what is demanded of it? */
export function isOfJob(e: ExpressionBuilder<Tables, 'attestations'>, asked: Asked) {
  return e.exists(
    e
      .selectFrom('steps')
      .innerJoin('sessions', 'sessions.id', 'steps.session_id')
      .select('steps.id')
      .whereRef('steps.id', '=', 'attestations.step_id')
      .where(sql<boolean>`${sql.join([sql`1`, ...jobsOf(asked)], sql` AND `)}`),
  )
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
