import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn } from './lenient-fields.ts'
import type { ReadReceipt } from './receipt-form.ts'

/** The beginning and the end of a step always say for which job it was. */
const always: ReadonlySet<string> = new Set(['step.started', 'step.finished'])

/**
 * Each entry says for itself of which session it is, and for which repository, ref and commit: one that says another thing is no entry
 * of this job. The person is not held: who is forgotten while the step runs is somebody new in what comes after.
 */
export function jobAgrees(
  { predicate, session }: ReadReceipt,
  { type, data }: Entry,
  agreement: Agreement,
): void {
  if (data['session'] !== undefined) agreement.same('session.id', session, data['session'])
  if (data['job'] === undefined && !always.has(type)) return
  const [identity, job] = [fieldsIn(predicate['identity']), fieldsIn(data['job'])]
  agreement.same('identity.issuer', identity['issuer'], job['issuer'])
  const attributes = fieldsIn(identity['attributes'])
  for (const name of ['repository', 'repository_id', 'ref', 'commit'])
    agreement.same(`identity.attributes.${name}`, attributes[name], job[name])
}
