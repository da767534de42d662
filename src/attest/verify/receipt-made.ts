import type { Entry } from '../../audit/verify/index.ts'
import { sameText, type Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields, type ReadReceipt } from './receipt-form.ts'
import { sha256Hex } from './key.ts'

/**
 * Files of the workspace, and the subjects: gates match these by digest, so that one which no entry names would be attested by nobody
 * but whoever wrote the receipt.
 */
export function madeAgrees({ predicate, subjects }: ReadReceipt, end: Entry, agreement: Agreement): void {
  const [said, found] = [fieldsIn(predicate['reported']), fieldsIn(end.data['reported'])]
  const omitted = new Set(listIn(found['omitted']))
  const lists = ['artifacts', 'inputs'].map((name) => {
    if (omitted.has(name)) return undefined
    const [own, other] = [fieldsIn(said[name]), fieldsIn(found[name])]
    namedAgree(name, own, other, agreement)
    return other
  })
  const made = new Set(subjects.map(({ sha256 }) => sha256))
  // Without a file of its own, the receipt says only how many there were, and the digest of their list.
  if (listIn(fieldsIn(said['artifacts'])['files']).length > 0)
    agreement.holds(
      'the list of subjects',
      listIn(fieldsIn(found['artifacts'])['files'])
        .map(fieldsIn)
        .every(({ sha256 }) => made.has(textIn(sha256) ?? '')),
    )
  subjectsAgree(subjects, listIn(predicate['published']).map(fieldsIn), lists[0], agreement)
}

function namedAgree(name: string, said: Fields, found: Fields, agreement: Agreement): void {
  agreement.same(`reported.${name}.count`, said['count'] ?? 0, found['count'] ?? 0)
  agreement.same(`reported.${name}.listDigest`, fieldsIn(said['listDigest'])['sha256'], found['sha256'])
  const files = listIn(found['files']).map(fieldsIn)
  const isWhole = (found['count'] ?? 0) === files.length
  if (isWhole && files.length > 0)
    agreement.holds(`reported.${name}.listDigest`, sha256Hex(Buffer.from(sums(files))) === found['sha256'])
  for (const one of listIn(said['files']).map(fieldsIn)) {
    const is = files.some((file) => isFile(one, file))
    if (isWhole) agreement.holds(`reported.${name}.files`, is)
    else if (!is) agreement.leave(`reported.${name}: ${textIn(one['name']) ?? ''}`)
  }
}

function isFile(said: Fields, { path, sha256, bytes }: Fields): boolean {
  const [name, own] = [textIn(said['name']) ?? '', textIn(path) ?? '']
  if (fieldsIn(said['digest'])['sha256'] !== sha256 || said['bytes'] !== bytes) return false
  return sameText(name, own) || sameText(name, `./${own}`)
}

/** As sha256sum(1) prints them, in the order of their UTF-8. */
function sums(files: readonly Fields[]): string {
  return files
    .map(({ path, sha256 }) => ({ path: textIn(path) ?? '', sha256: textIn(sha256) ?? '' }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
    .map(({ path, sha256 }) => {
      const spelt = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
      return `${spelt === path ? '' : '\\'}${sha256}  ${spelt}\n`
    })
    .join('')
}

/** The first is the entry of the end. `artifacts` is what the entry has of them, if it has. */
function subjectsAgree(
  subjects: ReadReceipt['subjects'],
  published: readonly Fields[],
  artifacts: Fields | undefined,
  agreement: Agreement,
): void {
  const files = listIn(artifacts?.['files']).map(fieldsIn)
  const isWhole = artifacts !== undefined && (artifacts['count'] ?? 0) === files.length
  const taken = new Set(published.map(({ digest }) => fieldsIn(digest)['sha256']))
  const named = new Set(files.map(({ sha256 }) => sha256))
  const others = subjects.slice(1).filter(({ sha256 }) => !taken.has(sha256) && !named.has(sha256))
  if (isWhole || others.length === 0) {
    for (const { name, sha256 } of others) agreement.holds(`the subject ${name || sha256}`, false)
    return
  }
  // The entry names the first hundred, and has the digest of the list of all: the subjects may be that list.
  // One that only has the name of a publication, and another digest, is no publication.
  const own = subjects
    .slice(1)
    .filter(
      ({ name, sha256 }) =>
        !published.some((one) => one['name'] === name && fieldsIn(one['digest'])['sha256'] === sha256),
    )
  const list = own.map(({ name, sha256 }) => ({
    path: name.replace(/^\.\/(?=[A-Za-z][\w+.-]*:)/, ''),
    sha256,
  }))
  if (sha256Hex(Buffer.from(sums(list))) === artifacts?.['sha256']) return
  for (const { name, sha256 } of others) agreement.leave(`subject ${name || sha256}`)
}
