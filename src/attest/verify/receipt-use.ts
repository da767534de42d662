import type { Entry } from '../../audit/verify/index.ts'
import { approvalsAgree } from './receipt-approvals.ts'
import type { Agreement } from './receipt-agreement.ts'
import { credentialsAgree } from './receipt-credentials.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { isSubset, type ReadReceipt } from './receipt-form.ts'
import { downloadedIn, keyOf, publishedIn, type PassedFile } from './receipt-passed.ts'

/** What the step used, took in and gave out. What an entry has must be in the receipt; and the other way round, as far as all entries are there. */
export function useAgrees(
  { predicate }: ReadReceipt,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  credentialsAgree(predicate, entries, agreement)
  publishedAgrees(predicate, entries, isComplete, agreement)
  materialsAgree(predicate, entries, isComplete, agreement)
  approvalsAgree(predicate, entries, agreement)
}

/** If all entries are there it is a lie; else it is the server's word. */
function unfounded(place: string, isComplete: boolean, agreement: Agreement): void {
  if (isComplete) agreement.holds(place, false)
  else agreement.leave(place)
}

function publishedAgrees(
  predicate: Fields,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  const { names, files } = publishedIn(entries)
  const all = listIn(predicate['published']).map(fieldsIn)
  const said = new Set(all.map(({ name, digest }) => keyOf(name, fieldsIn(digest)['sha256'])))
  agreement.holds('published', isSubset(names, said))
  for (const [at, { name, digest, connection, bytes, tags }] of all.entries()) {
    const place = `published[${at}]`
    const file = files.get(keyOf(name, fieldsIn(digest)['sha256'], connection))
    if (file === undefined) unfounded(place, isComplete, agreement)
    else {
      agreement.holds(`${place}.bytes`, file.sizes.has(bytes))
      const own = new Set(listIn(tags))
      agreement.holds(`${place}.tags`, isSubset(file.tags, own))
      if (own.size > file.tags.size) unfounded(`${place}.tags`, isComplete, agreement)
    }
  }
}

function materialsAgree(
  predicate: Fields,
  entries: readonly Entry[],
  isComplete: boolean,
  agreement: Agreement,
): void {
  const { names, files } = downloadedIn(entries)
  const all = listIn(predicate['materials']).map(fieldsIn)
  const own = new Set(all.map(({ uri, digest }) => keyOf(uri, fieldsIn(digest)['sha256'])))
  const omitted = predicate['materialsOmitted']
  agreement.holds(
    'materials',
    [...names].filter((one) => !own.has(one)).length <= (typeof omitted === 'number' ? omitted : 0),
  )
  if (omitted !== undefined) agreement.leave('materialsOmitted')
  const wants = new Set(
    entries.flatMap(({ type, data }) =>
      type === 'access.granted' ? listIn(fieldsIn(data['git'])['wants']) : [],
    ),
  )
  for (const [at, { uri, digest, annotations }] of all.entries()) {
    const place = `materials[${at}]`
    const { sha256, gitCommit } = fieldsIn(digest)
    if (textIn(uri)?.startsWith('pkg:') === true) {
      const { verifiedBy, connection } = fieldsIn(annotations)
      const file = files.get(keyOf(uri, sha256, verifiedBy, connection))
      if (file === undefined) unfounded(place, isComplete, agreement)
      else digestsAgree(`${place}.digest`, fieldsIn(digest), file, agreement)
    } else if (gitCommit === undefined || !wants.has(gitCommit)) agreement.leave(place)
    else {
      // That this commit was asked for by its id stands there; not from where.
      for (const name of ['uri', 'annotations']) agreement.leave(`${place}.${name}`)
      for (const name of Object.keys(fieldsIn(digest)))
        if (name !== 'gitCommit') agreement.leave(`${place}.digest.${name}`)
    }
  }
}

function digestsAgree(
  place: string,
  said: Fields,
  { digests, sets }: PassedFile,
  agreement: Agreement,
): void {
  for (const [name, hex] of Object.entries(said)) {
    const found = digests.get(name)
    if (found === undefined) agreement.leave(`${place}.${name}`)
    else agreement.holds(`${place}.${name}`, found.has(String(hex)))
  }
  const own = new Set(Object.keys(said))
  agreement.holds(
    place,
    [...sets].some((names) => names.split(',').every((name) => name === '' || own.has(name))),
  )
}
