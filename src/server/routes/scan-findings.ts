import { z } from 'zod'
import type { Findings, FindingsPage } from '../../audit/findings/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { Route } from '../route.ts'

const text = z.string().optional()
const finding = z.object({
  id: z.string().describe('The number of its entry in the audit log, and its own there.'),
  time: z.string(),
  run: text,
  session: text,
  step: text,
  role: text,
  repository: text,
  ref: text,
  commit: text,
  triggered_by: text.describe('A pseudonym: `mayfly audit find --actor` opens it where the log is at hand.'),
  place: z.string().describe('`push`, `packages`, `images`, `output`, `artifacts`'),
  connection: text,
  operation: text.describe('What was sent: `octo/app@refs/heads/main`, `pkg:npm/core@1.0.0`.'),
  reported: z
    .literal(true)
    .optional()
    .describe('The supervisor of the step says so; the server did not see it.'),
  decision: z.string().describe('`refused`, `approved`, `passed`, `masked`'),
  approval: text,
  approved_by: z.array(z.string()).optional(),
  rule: text,
  confidence: text,
  secret: text.describe('Of the vault.'),
  version: z.int().optional(),
  credential_of: text.describe('A credential that a step was given for this connection.'),
  certain: z.boolean().optional(),
  more: z
    .int()
    .optional()
    .describe('No finding of its own: so many further ones are in this entry by their number alone.'),
  path: z.string().optional(),
  line: z.int().optional().describe('What is no file, as output, has none.'),
  fingerprint: text.describe(
    'Of a finding by rule only with the scope secret:scan: guesses can be tried by it.',
  ),
  verified: z
    .object({ state: z.string().describe('`alive`, `dead`, `unknown`, `revoked`'), time: z.string() })
    .optional()
    .describe('What its vendor said last.'),
})

const filter = z.string().min(1).max(500).optional()
const query = z.strictObject({
  run: filter,
  role: filter,
  rule: filter,
  secret: filter,
  fingerprint: filter,
  since: z.iso.datetime({ offset: true }).optional(),
  after: z
    .string()
    .regex(/^\d{1,15}\.\d{1,4}$/)
    .optional(),
})
const parameters = Object.keys(query.shape)

const pageSize = 1_000

/** What was found in builds, by the audit log. */
export function scanFindingsRoute({ findings }: { findings: Findings }): Route {
  return {
    method: 'GET',
    path: '/v1/scan/findings',
    summary:
      'What was found in what steps sent, the newest first: `?run=`, `?role=`, `?rule=`, `?secret=`, `?fingerprint=`, `?since=TIME`; a thousand at a time, on with `?after=ID`',
    auth: 'session:read',
    response: z.object({
      findings: z.array(finding),
      next: z.string().optional(),
      forgotten: z.int().optional().describe('So many older ones are in the audit log alone.'),
    }),
    async handle(call) {
      const { since, after, ...match } = checkedQuery(call.query)
      const sinceMs = since === undefined ? undefined : Date.parse(since)
      const seesAll = call.operator?.scopes.includes('secret:scan') === true
      const page = await findings.page({ ...match, sinceMs, onlyKeyed: !seesAll }, { after, limit: pageSize })
      const next = page.more ? page.findings.at(-1)?.id : undefined
      return {
        findings: page.findings.map((one) => describe(one, seesAll)),
        ...(next === undefined ? {} : { next }),
        ...(page.forgotten === 0 ? {} : { forgotten: page.forgotten }),
      }
    },
  }
}

/** What is not known here is no filter that somebody may think has been applied. */
function checkedQuery(given: unknown): z.output<typeof query> {
  const checked = query.safeParse(given)
  if (checked.success) return checked.data
  const wrong = parameters.find((name) => checked.error.issues.some(({ path }) => path[0] === name))
  throw new MayflyError(
    'bad_input',
    wrong === undefined
      ? `there is a parameter that is not known here: it takes ${parameters.join(', ')}`
      : `${wrong} is not as it has to be: once, not empty; since as 2026-11-29T06:00:00Z, after as an id of the page before`,
  )
}

function describe(one: FindingsPage['findings'][number], seesAll: boolean): z.output<typeof finding> {
  const { found, verified } = one
  return {
    ...{ id: one.id, time: new Date(one.timeMs).toISOString(), run: one.run, session: one.session },
    ...{ step: one.step, role: one.role, repository: one.repository, ref: one.ref, commit: one.commit },
    ...{ triggered_by: one.triggeredBy, place: one.place, connection: one.connection },
    operation: one.operation,
    ...(one.isReported ? { reported: true as const } : {}),
    ...{ decision: one.decision, approval: one.approval },
    ...(one.approval === undefined ? {} : { approved_by: [...one.approvedBy] }),
    ...('rule' in found || 'more' in found ? found : { certain: found.isCertain }),
    ...('secret' in found ? { secret: found.secret, version: found.version } : {}),
    ...('credentialOf' in found ? { credential_of: found.credentialOf } : {}),
    ...('more' in found ? {} : { path: one.path }),
    ...(one.line === 0 ? {} : { line: one.line }),
    ...('more' in found || ('rule' in found && !seesAll) ? {} : { fingerprint: one.fingerprint }),
    ...(verified === undefined
      ? {}
      : { verified: { state: verified.state, time: new Date(verified.timeMs).toISOString() } }),
  }
}
