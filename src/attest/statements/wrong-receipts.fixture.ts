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

type Row = readonly [name: string, path: string, value: unknown]

/** What its entries say otherwise, by path in the statement. */
const lies: readonly Row[] = [
  ['exit-code', 'predicate.reported.exitCode', 1],
  ['no-exit-code', 'predicate.reported.exitCode', undefined],
  ['role', 'predicate.step.role', 'admin'],
  ['outcome', 'predicate.step.outcome', 'failure'],
  ['time', 'predicate.step.finished', '2026-11-30T06:00:00.000Z'],
  ['denied-other', 'predicate.operations.denied.0.what', 'host example.net:443'],
  ['denied-reason', 'predicate.operations.denied.0.reason', 'x'],
  [
    'denied-less',
    'predicate.operations',
    (was: { denied: List }) => ({ ...was, denied: [], deniedTotal: 0 }),
  ],
  [
    'granted-less',
    'predicate.operations',
    (was: { granted: { what: string }[] }) => ({
      ...{ ...was, granted: [{ what: was.granted[0]?.what, count: 9 }], grantedTotal: 9 },
    }),
  ],
  ['grant-more', 'predicate.grants', more('git:push github/*@*')],
  ['grant-other', 'predicate.grants.0', 'git:push github/*@*'],
  ['no-egress', 'predicate.egress', []],
  ['service', 'predicate.services', [5432]],
  ['no-service', 'predicate.services', []],
  ['isolation', 'predicate.reported.isolation', 'namespace'],
  ['workspace', 'predicate.reported.workspace.kind', 'shared'],
  ['workspace-id', 'predicate.reported.workspace.id', 'w2'],
  ['script-text', 'predicate.reported.script.text', 'true'],
  ['programs', 'predicate.reported.programs.seen.0.looks', 1],
  ['program', 'predicate.reported.programs.seen.1.program', 'curl'],
  ['no-attribute', 'predicate.identity.attributes.environment', undefined],
  ['no-role', 'predicate.session.roles', []],
  ['approval-of', 'predicate.approvals.1.of', 'session'],
  ['approval-group', 'predicate.approvals.1.group', 'x'],
  ['approval-time', 'predicate.approvals.0.at', '2026-11-29T05:00:00.000Z'],
  ['credential-issued', 'predicate.credentials.0.issued', '2026-11-29T05:00:00.000Z'],
  ['credential-expires', 'predicate.credentials.0.expires', '2026-11-29T07:00:00.000Z'],
  ['credential-revoked', 'predicate.credentials.0.revoked', '2026-11-29T07:00:00.000Z'],
  ['credential-connection', 'predicate.credentials.0.connection', 'x'],
  ['package-by', 'predicate.materials.2.annotations.verifiedBy', 'x'],
  ['package-connection', 'predicate.materials.2.annotations.connection', 'x'],
  ['package-sha512', 'predicate.materials.3.digest.sha512', digestOf('1').repeat(2)],
  ['no-sha512', 'predicate.materials.3.digest.sha512', undefined],
  [
    'no-package-of-many',
    'predicate',
    (was: { materials: List }) => ({ ...was, materials: was.materials.toSpliced(2, 3), materialsOmitted: 1 }),
  ],
  ['publication-connection', 'predicate.published.0.connection', 'x'],
  ['publication-bytes', 'predicate.published.0.bytes', 1],
  ['publication-tag', 'predicate.published.1.tags', ['latest']],
  ['publication-tags', 'predicate.published.1.tags', ['1.2.0', '2.0.0', 'latest']],
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
  ['no-package', 'predicate.materials', without(2)],
  [
    'package-more',
    'predicate.materials',
    more({
      uri: 'pkg:npm/x@1',
      digest: { sha256: other },
      annotations: { verifiedBy: 'lockfile', connection: 'npm' },
    }),
  ],
  ['package-digest', 'predicate.materials.2.digest.sha256', other],
  ['no-publication', 'predicate.published', []],
  ['publication-digest', 'predicate.published.0.digest.sha256', other],
  ['tier', 'predicate.reported.tier', 'C'],
  ['script', 'predicate.reported.script.digest.sha256', other],
  ['log', 'predicate.log.digest.sha256', other],
  ['secret-seen', 'predicate.reported.secretsSeen', [{ name: 'A', count: 1 }]],
  ['secret-seen-more', 'predicate.reported.secretsSeen.0.count', 7],
  ['list-of-files', 'predicate.reported.artifacts.listDigest.sha256', other],
  ['no-subjects', 'subject', without(1, 3)],
  ['subject-more', 'subject', more({ name: 'dist/more.tgz', digest: { sha256: other } })],
  ['subject-other', 'subject.2.digest.sha256', other],
  ['file-digest', 'predicate.reported.artifacts.files.0.digest.sha256', other],
  ['file-name', 'predicate.reported.inputs.files.0.name', 'dist/other.js'],
  [
    'file-more',
    'predicate.reported.inputs',
    (was: { files: List }) => ({
      ...was,
      files: [...was.files, { name: 'x', digest: { sha256: other }, bytes: 1 }],
      count: 2,
    }),
  ],
  ['start', 'predicate.step.started', '2026-11-29T06:10:05.000Z'],
  ['session-time', 'predicate.session.issued', '2026-11-29T05:00:00.000Z'],
  ['count-of-artifacts', 'predicate.reported.artifacts.count', 2],
  ['count-of-files', 'predicate.reported.inputs', (was: object) => ({ ...was, files: [], count: 2 })],
  ['log-bytes', 'predicate.log.bytes', 1],
  ['issuer-url', 'predicate.identity.issuerUrl', 'https://gitlab.example.com'],
  [
    'no-revocation',
    'predicate.credentials.0',
    ({ revoked: _, reason: __, ...was }: Record<string, unknown>) => was,
  ],
  [
    'publication-more',
    'predicate.published',
    more({ name: 'pkg:npm/x@1', digest: { sha256: other }, connection: 'npm' }),
  ],
  ['first-subject', 'subject.0.digest.sha256', other],
]

/** What no receipt says, whatever its entries do. */
const unshaped: readonly Row[] = [
  ['member-unknown', 'predicate.more', 1],
  ['member-unknown-below', 'predicate.reported.more', 1],
  ['member-unknown-attribute', 'predicate.identity.attributes.actor', 'mona'],
  ['no-server', 'predicate.server', undefined],
  ['no-policy', 'predicate.policy', undefined],
  ['policy-null', 'predicate.policy', null],
  ['policy-text', 'predicate.policy.version', '7'],
  ['escape', 'predicate.reported.name', 'x\u001b[2J'],
  ['escape-c1', 'predicate.server.version', 'x\u009b2J'],
  ['escape-subject', 'subject.1.name', 'x\u001b[2J'],
  ['escape-script', 'predicate.reported.script.text', 'x\u001b[2J'],
  ['lines', 'predicate.reported.command', 'a\nb'],
  ['text-long', 'predicate.reported.name', 'x'.repeat(1_025)],
  ['tier-none', 'predicate.reported.tier', 'A'],
  ['count-null', 'predicate.credentialsCount', null],
  ['count-zero', 'predicate.credentialsCount', 0],
  ['count-negative', 'predicate.grantsCount', -1],
  ['count-fraction', 'predicate.egressCount', 1000.5],
  ['count-of-few', 'predicate.credentialsCount', 1001],
  ['count-of-few-grants', 'predicate.grantsCount', 2000],
  ['count-of-roles', 'predicate.session.rolesCount', 3],
  ['omitted-null', 'predicate.materialsOmitted', null],
  ['omitted-zero', 'predicate.materialsOmitted', 0],
  ['incomplete-false', 'predicate.materialsIncomplete', false],
  ['denied-total', 'predicate.operations.deniedTotal', 0],
  ['denied-zero', 'predicate.operations.denied.0.count', 0],
  [
    'files-count',
    'predicate.reported.artifacts',
    (was: { files: List }) => ({ ...was, files: [...was.files, ...was.files] }),
  ],
  ['lease-object', 'predicate.credentials.0.lease', { toString: 1 }],
  ['uri-object', 'predicate.materials.0.uri', { toString: 1 }],
  ['name-object', 'predicate.published.0.name', { toString: 1 }],
  ['lease-twice', 'predicate.credentials', (was: List) => [...was, was[0]]],
  ['approval-twice', 'predicate.approvals', (was: List) => [...was, was[0]]],
  ['publication-twice', 'predicate.published', (was: List) => [...was, was[0]]],
  ['service-none', 'predicate.services', [65_536]],
  ['time-none', 'predicate.step.started', '2026-02-30T00:00:00Z'],
  ['ended-before', 'predicate.step.finished', '2026-11-28T06:00:00Z'],
  ['session-after', 'predicate.session.issued', '2026-11-30T06:00:00Z'],
  ['expired-before', 'predicate.credentials.0.expires', '2026-11-28T06:00:00Z'],
  ['revoked-before', 'predicate.credentials.0.revoked', '2026-11-28T06:00:00Z'],
  ['reason-alone', 'predicate.credentials.0.revoked', undefined],
  ['digest-none', 'predicate.materials.0.digest', {}],
  ['digest-capital', 'predicate.published.0.digest.sha256', 'A'.repeat(64)],
  ['subject-digests', 'subject.1.digest.sha1', 'a'.repeat(40)],
]

/** What is wrong with the entries. */
const misplaced: readonly (readonly [name: string, reason: ReceiptReason, path: string, value: unknown])[] = [
  ['entry-text', 'not_in_log', 'entries.4.entry', replaced('publish', 'x')],
  ['entry-index', 'not_in_log', 'entries.13.index', 28],
  ['entry-proof', 'not_in_log', 'entries.3.proof', without(0)],
  ['entry-hash', 'not_in_log', 'entries.3.leafHash', Buffer.alloc(32).toString('base64')],
  ['entries-turned', 'malformed', 'entries', (list: List) => list.toReversed()],
  ['entry-twice', 'malformed', 'entries', (list: List) => [...list, list.at(-1)]],
  ['no-end', 'missing_entry', 'entries', without(11)],
  ['no-start', 'missing_entry', 'entries', without(3)],
  ['no-session', 'missing_entry', 'entries', without(2)],
  ['session-without-words', 'missing_entry', 'entries.3.entry', undefined],
  ['end-without-words', 'missing_entry', 'entries.11.entry', undefined],
  ['checkpoint', 'bad_checkpoint', 'checkpoint', replaced('\n29\n', '\n30\n')],
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
  ['omitted-none', 'malformed', 'omitted', 0],
  ['entry-unknown', 'malformed', 'entries.3.more', 1],
  ['proof-long', 'malformed', 'entries.3.proof', (list: List) => Array.from({ length: 64 }, () => list[0])],
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
    ...unshaped.map(([name, path, value]) => ({
      ...{ name, reason: 'malformed' as const, patch: [patchOf(receipt, path, value)] as const },
    })),
    ...misplaced.map(([name, reason, path, value]) => ({
      ...{ name, reason, patch: [patchOf(receipt, `predicate.audit.${path}`, value)] as const },
    })),
  ]
}
