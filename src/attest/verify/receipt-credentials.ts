import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { grouped, maxApartMs } from './receipt-form.ts'
import { instantOf } from './fields.ts'

/** Each credential against the entries of its life: issued, renewed, revoked. */
export function credentialsAgree(predicate: Fields, entries: readonly Entry[], agreement: Agreement): void {
  const said = listIn(predicate['credentials']).map(fieldsIn)
  const count = predicate['credentialsCount']
  const known = new Set(said.map(({ lease }) => lease))
  const lives = grouped(
    entries.filter(({ type }) => type.startsWith('lease.')),
    ({ subject }) => subject,
  )
  let issued = 0
  for (const [subject, life] of lives) {
    if (!life.some(({ type }) => type === 'lease.issued')) continue
    issued++
    agreement.holds('credentials', known.has(subject) || count !== undefined)
  }
  if (typeof count === 'number') {
    agreement.holds('credentialsCount', count >= issued)
    agreement.leave('credentialsCount')
  }
  for (const [at, one] of said.entries())
    credentialAgrees(`credentials[${at}]`, one, lives.get(textIn(one['lease']) ?? '') ?? [], agreement)
}

function credentialAgrees(place: string, said: Fields, life: readonly Entry[], agreement: Agreement): void {
  const end = life.findLast(({ type }) => type === 'lease.revoked')
  if (end !== undefined) {
    agreement.near(`${place}.revoked`, said['revoked'], end.time, maxApartMs)
    agreement.same(`${place}.reason`, said['reason'], end.data['reason'])
  }
  const issued = life.find(({ type }) => type === 'lease.issued')
  if (issued === undefined) {
    // It was asked for and never made, or its entry is one of those that are left out.
    if (end === undefined) return agreement.leave(place)
    for (const name of ['connection', 'kind', 'grant', 'issued', 'expires'])
      agreement.leave(`${place}.${name}`)
    return
  }
  for (const name of ['connection', 'kind', 'grant'])
    agreement.same(`${place}.${name}`, said[name], issued.data[name])
  agreement.near(`${place}.issued`, said['issued'], issued.time, maxApartMs)
  // One that another took the place of (`by`) lasts no longer for that.
  const renewed = life.findLast(({ type, data }) => type === 'lease.renewed' && data['by'] === undefined)
  const until = (renewed ?? issued).data['expires']
  agreement.same(`${place}.expires`, instantOf(said['expires']), instantOf(until))
  // Without an entry of its end it may still be there, and the server says that it is not.
  if (end === undefined) for (const name of ['revoked', 'reason']) agreement.leave(`${place}.${name}`)
}
