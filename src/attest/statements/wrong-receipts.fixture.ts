import type { ReceiptReason, Statement } from '../verify/index.ts'
import { createSigner } from '../../audit/sign/index.ts'
import { digestOf } from './facts.fixture.ts'
import { seedOf } from './receipt.fixture.ts'

/** One operation of a JSON Patch (RFC 6902). */
type Patch =
  | { readonly op: 'replace' | 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/** The change that gives a place in a statement another value (undefined: takes it away); a function gets the one that is there. */
export function patchOf(statement: Statement, place: string, value: unknown): Patch {
  const names = place.split('.')
  const was = names.reduce<unknown>(
    (at, name) => (at as Record<string, unknown> | undefined)?.[name],
    statement,
  )
  const path = `/${names.join('/')}`
  const next: unknown = typeof value === 'function' ? (value as (was: unknown) => unknown)(was) : value
  if (next === undefined) return { op: 'remove', path }
  return { op: was === undefined ? 'add' : 'replace', path, value: next }
}

export function patched(statement: Statement, patch: Patch): Statement {
  const copy = structuredClone(statement)
  const names = patch.path.slice(1).split('/')
  const last = names.pop() ?? ''
  const at = names.reduce<unknown>((one, name) => (one as Record<string, unknown>)[name], copy)
  if (patch.op === 'remove') delete (at as Record<string, unknown>)[last]
  else (at as Record<string, unknown>)[last] = patch.value
  return copy
}

type List = readonly unknown[]
const without =
  (at: number, count = 1) =>
  (list: List): List =>
    list.toSpliced(at, count)
const more =
  (one: unknown) =>
  (list: List): List => [...list, one]
const replaced = (from: string, to: string) => (text: string) => text.replace(from, to)

const other = digestOf('1')

/** What is wrong, by path in the statement. */
const lies: readonly (readonly [name: string, path: string, value: unknown])[] = [
  ['exit-code', 'predicate.reported.exitCode', 1],
  ['no-exit-code', 'predicate.reported.exitCode', undefined],
  ['role', 'predicate.step.role', 'admin'],
  ['outcome', 'predicate.step.outcome', 'failure'],
  ['time', 'predicate.step.finished', '2026-11-30T06:00:00.000Z'],
  ['denied-less', 'predicate.operations.denied.0.count', 1],
  ['denied-nothing', 'predicate.operations.denied', []],
  ['denied-total', 'predicate.operations.deniedTotal', 0],
  ['grant-more', 'predicate.grants', more('git:push github/*@*')],
  ['grant-other', 'predicate.grants.0', 'git:push github/*@*'],
  ['no-egress', 'predicate.egress', []],
  ['service', 'predicate.services', [5432]],
  ['issuer', 'predicate.identity.issuer', 'gitlab'],
  ['repository', 'predicate.identity.attributes.repository_id', '1'],
  ['commit', 'predicate.identity.attributes.commit', 'c'],
  ['environment', 'predicate.identity.attributes.environment', 'x'],
  ['no-person', 'predicate.identity.person', undefined],
  ['ci-run', 'predicate.run.ci.attempt', '2'],
  ['roles', 'predicate.session.roles', more('admin')],
  ['no-credential', 'predicate.credentials', []],
  ['credential-grant', 'predicate.credentials.0.grant', 'npm:install npm'],
  ['credential-reason', 'predicate.credentials.0.reason', 'expired'],
  ['no-package', 'predicate.materials', without(0)],
  ['package-more', 'predicate.materials', more({ uri: 'pkg:npm/x@1', digest: { sha256: other } })],
  ['package-digest', 'predicate.materials.0.digest.sha256', other],
  ['no-publication', 'predicate.published', []],
  ['publication-digest', 'predicate.published.0.digest.sha256', other],
  ['tier', 'predicate.reported.tier', 'C'],
  ['script', 'predicate.reported.script.digest.sha256', other],
  ['log', 'predicate.log.digest.sha256', other],
  ['secret-seen', 'predicate.reported.secretsSeen', [{ name: 'A', count: 1 }]],
  ['list-of-files', 'predicate.reported.artifacts.listDigest.sha256', other],
  ['no-subjects', 'subject', without(1, 2)],
  ['subject-more', 'subject', more({ name: 'dist/more.tgz', digest: { sha256: other } })],
  ['subject-other', 'subject.2.digest.sha256', other],
  ['file-digest', 'predicate.reported.artifacts.files.0.digest.sha256', other],
  ['file-name', 'predicate.reported.inputs.files.0.name', 'dist/other.js'],
  ['file-more', 'predicate.reported.inputs.files', more({ name: 'x', digest: { sha256: other }, bytes: 1 })],
  ['start', 'predicate.step.started', '2026-11-29T07:00:00.000Z'],
  ['session-time', 'predicate.session.issued', '2026-11-29T05:00:00.000Z'],
  ['granted-more', 'predicate.operations.granted', more({ what: 'x', count: 1 })],
  ['count-of-files', 'predicate.reported.artifacts.count', 2],
  ['log-bytes', 'predicate.log.bytes', 1],
  ['issuer-url', 'predicate.identity.issuerUrl', 'https://gitlab.example.com'],
  ['no-revocation', 'predicate.credentials.0.revoked', undefined],
  [
    'publication-more',
    'predicate.published',
    more({ name: 'pkg:npm/x@1', digest: { sha256: other }, connection: 'npm' }),
  ],
  ['first-subject', 'subject.0.digest.sha256', other],
]

/** What is wrong with the entries. */
const misplaced: readonly (readonly [name: string, reason: ReceiptReason, path: string, value: unknown])[] = [
  ['entry-text', 'not_in_log', 'entries.2.entry', replaced('publish', 'x')],
  ['entry-index', 'not_in_log', 'entries.7.index', 16],
  ['entry-proof', 'not_in_log', 'entries.3.proof', without(0)],
  ['entry-hash', 'not_in_log', 'entries.3.leafHash', Buffer.alloc(32).toString('base64')],
  ['entries-turned', 'malformed', 'entries', (list: List) => list.toReversed()],
  ['entry-twice', 'malformed', 'entries', (list: List) => [...list, list.at(-1)]],
  ['no-end', 'missing_entry', 'entries', without(6)],
  ['end-without-words', 'missing_entry', 'entries.6.entry', undefined],
  ['checkpoint', 'bad_checkpoint', 'checkpoint', replaced('\n17\n', '\n18\n')],
  ['origin', 'malformed', 'origin', 'x'],
  ['checkpoint-of-others', 'bad_checkpoint', 'checkpoint', replaced('\u2014 audit', '\u2014 other')],
  [
    'checkpoint-without-lines',
    'bad_checkpoint',
    'checkpoint',
    (text: string) => text.slice(0, text.indexOf('\n\n') + 2),
  ],
  ['other-log', 'other_log', 'key', createSigner('audit.example.test', seedOf('another log')).verifierKey],
  ['omitted', 'malformed', 'omitted', -1],
]

/** What makes a right receipt a wrong one, and why it is not accepted. */
export interface WrongReceipt {
  readonly name: string
  readonly reason: ReceiptReason
  readonly patch: readonly [Patch]
}

export function wrongReceipts(receipt: Statement): WrongReceipt[] {
  return [
    ...lies.map(([name, path, value]) => ({
      ...{ name, reason: 'contradicted' as const, patch: [patchOf(receipt, path, value)] as const },
    })),
    ...misplaced.map(([name, reason, path, value]) => ({
      ...{ name, reason, patch: [patchOf(receipt, `predicate.audit.${path}`, value)] as const },
    })),
  ]
}
