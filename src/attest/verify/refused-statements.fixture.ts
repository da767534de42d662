import type { VerifyReason } from './index.ts'
import type { Made } from './refused.fixture.ts'
import { statementOf } from './world.fixture.ts'

const sha256 = 'a'.repeat(64)

/** Signed as they are, and taken for different things by different readers. */
export function refusedStatements(): readonly Made[] {
  const text = statementOf().toString()
  const nested = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as unknown
  const rows: readonly (readonly [name: string, reason: VerifyReason, statement: Buffer])[] = [
    [
      'with its type twice',
      'name_twice',
      Buffer.from(text.replace('{', '{"predicateType":"https://a.test",')),
    ],
    [
      ...(['with a digest twice', 'name_twice'] as const),
      Buffer.from(text.replace('"digest":{', `"digest":{"sha256":"${sha256}",`)),
    ],
    [
      ...(['with a subject twice, one escaped', 'name_twice'] as const),
      Buffer.from(text.replace('{', String.raw`{"\u0073ubject":[],`)),
    ],
    ['of another version', 'bad_statement', statementOf({ _type: 'https://in-toto.io/Statement/v0.1' })],
    ['without subjects', 'bad_statement', statementOf({ subject: [] })],
    ['whose subject is a name alone', 'bad_statement', statementOf({ subject: [{ name: 'a', digest: {} }] })],
    ['whose digest is in capitals', 'bad_statement', of({ sha256: sha256.toUpperCase() })],
    ['whose digest is too short', 'bad_statement', of({ sha256: sha256.slice(1) })],
    ['whose digest has another length', 'bad_statement', of({ sha512: sha256 })],
    ['whose digest is no text', 'malformed', of({ sha256: 1 })],
    ['with another field', 'bad_statement', statementOf({ predicate_type: 'https://a.test' })],
    ['without a type of its predicate', 'malformed', statementOf({ predicateType: undefined })],
    ['that is no JSON', 'malformed', Buffer.from('{')],
    ['that is not in UTF-8', 'malformed', Buffer.from([0x22, 0xff, 0x22])],
    ['with half of a surrogate pair', 'malformed', statementOf({ predicate: { a: '\ud800' } })],
    ['nested too deep', 'malformed', statementOf({ predicate: nested })],
  ]
  const why = 'it does not read statements'
  return [
    ...rows.map(([name, reason, statement]) => [`statement ${name}`, reason, { statement }, why] as const),
    ['envelope of something else', 'unsupported_format', { payloadType: 'text/plain' }, why],
  ]
}

function of(digest: Readonly<Record<string, unknown>>): Buffer {
  return statementOf({ subject: [{ name: 'app.tgz', digest }] })
}
