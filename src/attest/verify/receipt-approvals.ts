import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { grouped, isSubset, maxApartMs } from './receipt-form.ts'

/** A yes counts if its entries are there, enough of them before the step's end, and nobody said no; who said it, for what and when are the entries'. */
export function approvalsAgree(predicate: Fields, entries: readonly Entry[], agreement: Agreement): void {
  const late = new Set(entries.slice(entries.findIndex(({ type }) => type === 'step.finished')))
  const bySubject = grouped(entries, ({ subject }) => subject)
  for (const [at, one] of listIn(predicate['approvals']).map(fieldsIn).entries()) {
    const place = `approvals[${at}]`
    const about = bySubject.get(textIn(one['id']) ?? '') ?? []
    const yes = about.filter(({ type }) => type === 'approval.granted')
    const last = yes.at(-1)
    // Of several people who have to say yes one is not enough; and what is said while the step ends, it made no use of any more.
    const isEnough = yes.some((entry) => entry.data['complete'] === true && !late.has(entry))
    if (last === undefined || !isEnough || about.some(({ type }) => type === 'approval.denied')) {
      agreement.leave(place)
      continue
    }
    const operation = operationOf(last)
    const asked = listIn(operation?.['operations']).flatMap((text) => textIn(text) ?? [])
    agreement.same(`${place}.of`, one['of'], operation === undefined ? 'session' : asked.join(', '))
    agreement.same(`${place}.group`, one['group'], operation?.['approvers'])
    agreement.near(`${place}.at`, one['at'], last.time, maxApartMs)
    const people = yes.flatMap(({ data }) => textIn(fieldsIn(data['by'])['person']) ?? [])
    // A person who was forgotten since then has another pseudonym.
    if (!isSameSet(listIn(one['people']), people)) agreement.leave(`${place}.people`)
  }
}

function isSameSet(some: readonly unknown[], others: readonly unknown[]): boolean {
  const [own, found] = [new Set(some), new Set(others)]
  return own.size === some.length && own.size === found.size && isSubset(own, found)
}

/** Of an approval that was asked for while the step ran; `undefined` for one of its session. */
export function operationOf({ data }: Entry): Fields | undefined {
  const operation = fieldsIn(data['bound'])['operation']
  return operation === undefined || operation === null ? undefined : fieldsIn(operation)
}
