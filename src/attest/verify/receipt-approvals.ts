import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './receipt-form.ts'

const maxApartMs = 600_000

/** A yes counts if its entry is there and nobody said no afterwards; who said it, for what and when are the entry's. */
export function approvalsAgree(predicate: Fields, entries: readonly Entry[], agreement: Agreement): void {
  for (const one of listIn(predicate['approvals']).map(fieldsIn)) {
    const id = textIn(one['id']) ?? ''
    const about = entries.filter(({ subject }) => subject === id)
    const yes = about.filter(({ type }) => type === 'approval.granted')
    const last = yes.at(-1)
    if (last === undefined || about.some(({ type }) => type === 'approval.denied')) {
      agreement.leave(`approval ${id}`)
      continue
    }
    const operation = operationOf(last)
    const asked = listIn(operation?.['operations']).join(', ')
    agreement.same(`approvals: ${id}: of`, one['of'], operation === undefined ? 'session' : asked)
    agreement.same(`approvals: ${id}: group`, one['group'], operation?.['approvers'])
    agreement.near(`approvals: ${id}: at`, one['at'], last.time, maxApartMs)
    const people = new Set(yes.map(({ data }) => fieldsIn(data['by'])['person']))
    // A person who was forgotten since then has another pseudonym.
    if (!listIn(one['people']).every((person) => people.has(person)))
      agreement.leave(`approval ${id}: people`)
  }
}

/** Of an approval that was asked for while the step ran; `undefined` for one of its session. */
export function operationOf({ data }: Entry): Fields | undefined {
  const operation = fieldsIn(data['bound'])['operation']
  return operation === undefined || operation === null ? undefined : fieldsIn(operation)
}
