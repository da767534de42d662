import { utf8, type Entry } from '../../audit/verify/index.ts'
import { sha256Hex } from './key.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { maxApartMs, type ReadReceipt } from './receipt-form.ts'
import { createAgreement, type Agreement } from './receipt-agreement.ts'
import { endAgrees } from './receipt-end.ts'
import { madeAgrees } from './receipt-made.ts'
import { operationOf } from './receipt-approvals.ts'
import { jobAgrees } from './receipt-job.ts'
import { orderAgrees } from './receipt-order.ts'
import { attributeNames } from './receipt-schema.ts'
import { useAgrees } from './receipt-use.ts'

type Outcome =
  | { readonly unproved: readonly string[] }
  | { readonly reason: 'foreign_entry' | 'missing_entry' | 'contradicted'; readonly detail: string }

/** What no entry says: whose server it was, under which policy, and that the entries which it names are all of the step. */
const always = ['server', 'policy', 'audit.omitted']

/** What a receipt says held against its entries, in the log's order. `isComplete`: all entries of the step are there, word for word. */
export function contradictions(
  receipt: ReadReceipt,
  entries: readonly { readonly text: string; readonly entry: Entry }[],
  isComplete: boolean,
): Outcome {
  const all = entries.map(({ entry }) => entry)
  const named = new Set(listIn(receipt.predicate['approvals']).map((one) => fieldsIn(one)['id']))
  const foreign = all.find((entry) => !isOf(entry, receipt, named))
  if (foreign !== undefined)
    return { reason: 'foreign_entry', detail: `an entry ${foreign.type} is not of this step` }
  const [issued, start, end] = (['session.issued', 'step.started', 'step.finished'] as const).map((type) => {
    const [one, ...more] = entries.filter(({ entry }) => entry.type === type)
    return more.length === 0 ? one : undefined
  })
  if (issued === undefined || start === undefined || end === undefined)
    return {
      reason: 'missing_entry',
      detail: 'session.issued, step.started and step.finished have to be there, once each',
    }
  const digest = sha256Hex(utf8(end.text))
  if (receipt.subjects[0]?.name !== receipt.step || receipt.subjects[0].sha256 !== digest)
    return { reason: 'contradicted', detail: 'its first subject is not the entry of the step’s end' }
  const agreement = createAgreement()
  for (const place of always) agreement.leave(place)
  sessionAgrees(receipt, issued.entry, agreement)
  startAgrees(receipt, start.entry, agreement)
  endAgrees(receipt, end.entry, agreement)
  madeAgrees(receipt, end.entry, agreement)
  for (const entry of all) jobAgrees(receipt, entry, agreement)
  orderAgrees(all, agreement)
  useAgrees(receipt, all, isComplete, agreement)
  const [first] = agreement.problems
  if (first !== undefined) return { reason: 'contradicted', detail: first }
  return { unproved: agreement.unproved }
}

/** An entry of another step or job would lend this one what that one did. */
function isOf(entry: Entry, receipt: ReadReceipt, approvals: ReadonlySet<unknown>): boolean {
  const { type, source, run, subject, data } = entry
  if (source !== 'mayfly://server' || run !== receipt.run) return false
  if (subject === receipt.step || data['step'] === receipt.step) return true
  if (type === 'session.issued' || type === 'session.ended') return subject === receipt.session
  if (type.startsWith('approval.')) {
    // A yes to what another step asked for is none to this one.
    const asker = operationOf(entry)?.['step'] ?? receipt.step
    return approvals.has(subject) && asker === receipt.step
  }
  return ['run.started', 'run.finished', 'entries.lost'].includes(type)
}

function startAgrees({ predicate, session }: ReadReceipt, { data, time }: Entry, agreement: Agreement): void {
  const [step, reported, identity] = ['step', 'reported', 'identity'].map((name) => fieldsIn(predicate[name]))
  const said = fieldsIn(data['reported'])
  agreement.same('session.id', session, data['session'])
  agreement.same('step.role', step?.['role'], data['role'])
  agreement.near('step.started', step?.['started'], time, maxApartMs)
  agreement.same('reported.name', reported?.['name'], data['name'])
  agreement.same('reported.tier', reported?.['tier'], said['isolation'])
  agreement.same('reported.engine', reported?.['engine'], said['isolationBy'])
  agreement.same('reported.isolation', reported?.['isolation'], isolationOf(said))
  agreement.same('reported.image', reported?.['image'], said['image'])
  agreement.same('reported.command', reported?.['command'], said['command'])
  const [own, other] = [reported, said].map((one) => fieldsIn(one?.['workspace']))
  for (const name of ['kind', 'id']) agreement.same(`reported.workspace.${name}`, own?.[name], other?.[name])
  const { actor } = fieldsIn(data['job'])
  agreement.same('identity.person', identity?.['person'], fieldsIn(actor)['person'])
  for (const name of ['grants', 'egress']) agreement.list(name, predicate, data)
  agreement.list('services', predicate, { services: data['services'] ?? [] })
}

/** What a tier means. */
function isolationOf({ isolation, isolationBy }: Fields): string {
  if (isolation === 'E') return 'none'
  if (isolation === 'C') return 'namespace-no-pid'
  return isolationBy === undefined ? 'namespace' : 'container'
}

function sessionAgrees({ predicate }: ReadReceipt, { data, time }: Entry, agreement: Agreement): void {
  const { identity, session, run } = predicate
  agreement.near('session.issued', fieldsIn(session)['issued'], time, maxApartMs)
  const own = fieldsIn(identity)
  agreement.same('identity.issuer', own['issuer'], data['issuer'])
  agreement.same('identity.issuerUrl', own['issuerUrl'], data['issuerUrl'])
  const roles = { roles: fieldsIn(session)['roles'] }
  agreement.list('roles', roles, { roles: data['roles'] })
  const [attributes, recorded] = [fieldsIn(own['attributes']), fieldsIn(data['identity'])]
  for (const name of attributeNames)
    agreement.same(`identity.attributes.${name}`, attributes[name], recorded[name])
  const ci: Fields = fieldsIn(fieldsIn(run)['ci'])
  for (const name of ['id', 'attempt', 'job'])
    agreement.same(`run.ci.${name}`, ci[name], fieldsIn(data['ciRun'])[name])
  const { id, login } = fieldsIn(data['actor'])
  const person = textIn(fieldsIn(id)['person']) ?? textIn(fieldsIn(login)['person'])
  agreement.same('identity.person', own['person'], person)
}
