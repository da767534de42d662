import { fieldsOf, listOf, textIn } from './fields.ts'
import { readJson } from './json.ts'
import type { Statement, Subject } from './model.ts'
import { Refusal } from './refusal.ts'
import { statementV1 } from './types.ts'

/** As large as one with 10,000 artifacts may get, several times over. */
export const statementLimits = { bytes: 16_777_216, pieces: 2_000_000 } as const
const maxSubjects = 20_000
const maxDigests = 16

/** in-toto Statement v1. Throws `Refusal`. */
export function readStatement(bytes: Uint8Array): Statement {
  const json = readJson(bytes, statementLimits)
  const fields = fieldsOf(json, 'the statement')
  const odd = Object.keys(fields).find((name) => !known.includes(name))
  if (odd !== undefined)
    throw new Refusal('bad_statement', `the statement has ${JSON.stringify(odd.slice(0, 80))}`)
  if (fields['_type'] !== statementV1)
    throw new Refusal('bad_statement', 'it is no in-toto statement of version 1')
  const predicateType = textIn(fields['predicateType'], 'the type of the predicate', 1024)
  const subjects = listOf(fields['subject'], 'the list of subjects', maxSubjects)
  if (predicateType === '' || subjects.length === 0)
    throw new Refusal('bad_statement', 'the statement has no subject, or no type of its predicate')
  return {
    _type: statementV1,
    subject: subjects.map(readSubject),
    predicateType,
    predicate: fields['predicate'],
  }
}

const known = ['_type', 'subject', 'predicateType', 'predicate']

function readSubject(json: unknown): Subject {
  const { name, digest } = fieldsOf(json, 'a subject')
  const digests = Object.entries(fieldsOf(digest, 'the digest of a subject'))
  // Without a digest it would be of anything by this name.
  if (digests.length === 0 || digests.length > maxDigests)
    throw new Refusal('bad_statement', 'a subject has no digest, or too many')
  for (const [algorithm, value] of digests) refuseDigest(algorithm, value)
  return {
    ...(name === undefined ? {} : { name: textIn(name, 'the name of a subject') }),
    digest: Object.fromEntries(digests) as Record<string, string>,
  }
}

const lengths: Readonly<Record<string, number>> = {
  ...{ sha1: 40, sha224: 56, sha256: 64, sha384: 96, sha512: 128, sha512_256: 64 },
  ...{ sha3_256: 64, sha3_384: 96, sha3_512: 128 },
}

/** Hex in small letters (in-toto DigestSet): of two spellings of one digest somebody compares the other. */
function refuseDigest(algorithm: string, value: unknown): void {
  const text = textIn(value, 'a digest', 1024)
  const length = lengths[algorithm]
  const isRight = length === undefined ? text !== '' : text.length === length && /^[0-9a-f]+$/.test(text)
  if (!isRight)
    throw new Refusal(
      'bad_statement',
      `a subject has a ${JSON.stringify(algorithm.slice(0, 40))} that is none`,
    )
}
