import type { Entry } from '../../audit/verify/index.ts'
import { approvalsAgree } from './receipt-approvals.ts'
import type { Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields, type ReadReceipt } from './receipt-form.ts'

/** What the step used, took in and gave out. What an entry has must be in the receipt; and the other way round, as far as all entries are there. */
export function useAgrees(
  { predicate }: ReadReceipt,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  if (!isComplete) agreement.leave('that nothing was left out')
  credentialsAgree(predicate, entries, agreement)
  publishedAgrees(predicate, entries, isComplete, agreement)
  materialsAgree(predicate, entries, isComplete, agreement)
  approvalsAgree(predicate, entries, agreement)
}

function credentialsAgree(predicate: Fields, entries: readonly Entry[], agreement: Agreement): void {
  const said = new Map(
    listIn(predicate['credentials'])
      .map(fieldsIn)
      .map((one) => [one['lease'], one]),
  )
  const isWhole = predicate['credentialsCount'] === undefined
  const issued = entries.filter(({ type }) => type === 'lease.issued')
  for (const { subject, data } of issued) {
    const one = said.get(subject)
    agreement.holds(`credentials: ${subject}`, one !== undefined || !isWhole)
    if (one === undefined) continue
    for (const name of ['connection', 'kind', 'grant'])
      agreement.same(`credentials: ${subject}: ${name}`, one[name], data[name])
  }
  for (const { subject, data } of entries.filter(({ type }) => type === 'lease.revoked')) {
    const one = said.get(subject)
    if (one === undefined) continue
    agreement.holds(`credentials: ${subject}: revoked`, one['revoked'] !== undefined)
    agreement.same(`credentials: ${subject}: reason`, one['reason'], data['reason'])
  }
  const known = new Set(issued.map(({ subject }) => subject))
  for (const lease of said.keys())
    if (!known.has(textIn(lease) ?? '')) agreement.leave(`credential ${String(lease)}`)
}

/** Members of the lists of such entries. */
function itemsOf(entries: readonly Entry[], type: string): Fields[] {
  return entries
    .filter((entry) => entry.type === type)
    .flatMap(({ data }) => listIn(data['packages']).map(fieldsIn))
}

function publishedAgrees(
  predicate: Fields,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  const found = itemsOf(entries, 'packages.published').filter((item) => sha256In(item) !== undefined)
  const said = new Set(
    listIn(predicate['published'])
      .map(fieldsIn)
      .map(({ name, digest }) => keyOf(name, fieldsIn(digest)['sha256'])),
  )
  const taken = new Set(found.map((item) => keyOf(item['purl'], sha256In(item))))
  for (const key of taken) agreement.holds(`published: ${key}`, said.has(key))
  for (const key of said) {
    if (isComplete) agreement.holds(`published: ${key}`, taken.has(key))
    else if (!taken.has(key)) agreement.leave(`published ${key}`)
  }
}

function keyOf(name: unknown, sha256: unknown): string {
  return JSON.stringify([name, sha256])
}

function materialsAgree(
  predicate: Fields,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  const said = listIn(predicate['materials']).map(fieldsIn)
  const found = itemsOf(entries, 'packages.downloaded').filter((one) => one['part'] !== true)
  const own = new Set(said.map(({ uri, digest }) => keyOf(uri, fieldsIn(digest)['sha256'])))
  const others = new Set(found.map((one) => keyOf(one['purl'], sha256In(one))))
  if (predicate['materialsOmitted'] === undefined)
    for (const one of found)
      agreement.holds(`materials: ${textIn(one['purl']) ?? ''}`, own.has(keyOf(one['purl'], sha256In(one))))
  const wants = new Set(
    entries.flatMap(({ type, data }) =>
      type === 'access.granted' ? listIn(fieldsIn(data['git'])['wants']) : [],
    ),
  )
  for (const { uri, digest, name } of said) {
    const { sha256, gitCommit } = fieldsIn(digest)
    const isPackage = textIn(uri)?.startsWith('pkg:') === true
    const isThere = isPackage
      ? others.has(keyOf(uri, sha256))
      : gitCommit !== undefined && wants.has(gitCommit)
    if (isPackage && isComplete) agreement.holds(`materials: ${String(uri)}`, isThere)
    else if (!isThere) agreement.leave(`material ${String(uri ?? name)}`)
  }
}

/** In hex. */
function sha256In(item: Fields): string | undefined {
  const base64 = /^sha256-(?<base64>[A-Za-z0-9+/]{43}=)$/.exec(textIn(item['integrity']) ?? '')?.groups?.[
    'base64'
  ]
  return (
    textIn(item['sha256']) ??
    (base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex'))
  )
}
