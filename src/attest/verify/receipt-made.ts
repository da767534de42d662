import type { Entry } from '../../audit/verify/index.ts'
import { cleanText, isCutOf, type Agreement } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'
import { grouped, type ReadReceipt } from './receipt-form.ts'
import { sha256Hex } from './key.ts'
import { maxFiles } from './receipt-schema.ts'

/**
 * Files of the workspace, and the subjects: gates match these by digest, so that one which no entry names would be attested by nobody
 * but whoever wrote the receipt.
 */
export function madeAgrees({ predicate, subjects }: ReadReceipt, end: Entry, agreement: Agreement): void {
  const [said, found] = [fieldsIn(predicate['reported']), fieldsIn(end.data['reported'])]
  const omitted = new Set(listIn(found['omitted']))
  const lists = ['artifacts', 'inputs'].map((name) => {
    if (omitted.has(name)) {
      agreement.leave(`reported.${name}`)
      return undefined
    }
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
  const files = listIn(found['files']).map(fieldsIn)
  const isWhole = (found['count'] ?? 0) === files.length
  // A step may declare artifacts, and none is there in the end: the entry has an empty list then, and the receipt none.
  const isNone = isWhole && files.length === 0 && said['count'] === undefined
  if (!isNone)
    agreement.same(`reported.${name}.listDigest`, fieldsIn(said['listDigest'])['sha256'], found['sha256'])
  if (isWhole && found['sha256'] !== undefined)
    agreement.holds(`reported.${name}.listDigest`, sha256Hex(Buffer.from(sums(files))) === found['sha256'])
  const own = listIn(said['files']).map(fieldsIn)
  // It may say only how many there were: then the entry names some, and the receipt none.
  if (own.length === 0 && said['count'] !== undefined) agreement.leave(`reported.${name}.files`)
  // An entry may have room for fewer than a receipt names: what it names must be there, if that had room.
  else if (own.length < maxFiles) {
    const isThere = (file: Fields) => own.some((one) => isFile(one, file))
    agreement.holds(`reported.${name}.files`, files.every(isThere))
  }
  for (const [at, one] of own.entries()) {
    const is = files.some((file) => isFile(one, file))
    if (isWhole) agreement.holds(`reported.${name}.files`, is)
    else if (!is) agreement.leave(`reported.${name}.files[${at}]`)
  }
}

/** Does a receipt's file stand for that of an entry? */
function isFile({ name, digest, bytes }: Fields, file: Fields): boolean {
  const isSame = fieldsIn(digest)['sha256'] === file['sha256'] && bytes === file['bytes']
  return isSame && namesOf(file).some((one) => one === name || isCutOf(textIn(name) ?? '', one))
}

/** As receipts call it. */
function namesOf({ path }: Fields): string[] {
  const name = textIn(path)
  return name === undefined ? [] : [cleanText(name), `./${cleanText(name)}`]
}

interface FilesOfDigest {
  /** One of them has that name in a receipt. */
  isCalled(name: string): boolean
}

/** Thousands of subjects may be of one digest: each is looked for, and not compared with each. */
function filesByDigest(files: readonly Fields[]): Map<unknown, FilesOfDigest> {
  const groups = grouped(files, ({ sha256 }) => sha256)
  return new Map(
    [...groups].map(([digest, same]) => {
      const names = new Set(same.flatMap(namesOf))
      const isCalled = (name: string) => names.has(name) || [...names].some((one) => isCutOf(name, one))
      return [digest, { isCalled }]
    }),
  )
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
  const taken = new Set(published.map((one) => keyOf(one['name'], one)))
  const takenDigests = new Set(published.map(({ digest }) => fieldsIn(digest)['sha256']))
  const byDigest = filesByDigest(files)
  // The entry names the first hundred, and has the digest of the list of all: the subjects may be that list.
  // One that only has the name of a publication, and another digest, is no publication.
  const own = subjects.slice(1).filter(({ name, sha256 }) => !taken.has(keyOf(name, { digest: { sha256 } })))
  const isList = artifacts !== undefined && sha256Hex(Buffer.from(listed(own))) === artifacts['sha256']
  for (const [before, { name, sha256 }] of subjects.slice(1).entries()) {
    const place = `subject[${before + 1}]`
    const known = byDigest.get(sha256)
    if (known === undefined && !takenDigests.has(sha256) && !isList) {
      if (isWhole) agreement.holds(place, false)
      else agreement.leave(place)
      continue
    }
    const isCalled =
      name === undefined || taken.has(keyOf(name, { digest: { sha256 } })) || known?.isCalled(name) === true
    if (!isCalled && !isList) agreement.leave(`${place}.name`)
  }
}

function keyOf(name: unknown, { digest }: Fields): string {
  return `${textIn(fieldsIn(digest)['sha256']) ?? ''} ${textIn(name) ?? ''}`
}

function listed(subjects: ReadReceipt['subjects']): string {
  const files = subjects.map(({ name = '', sha256 }) => ({
    ...{ path: name.replace(/^\.\/(?=[A-Za-z][\w+.-]*:)/, ''), sha256 },
  }))
  return sums(files)
}
