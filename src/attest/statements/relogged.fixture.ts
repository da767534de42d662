import type { EntryEvent } from '../../audit/verify/index.ts'
import type { ReceiptReason, Statement } from '../verify/index.ts'
import { receiptOf, type StepFacts } from './index.ts'
import { aStep, provenIn } from './receipt.fixture.ts'
import {
  fieldsIn,
  data,
  endWritten,
  reported,
  other,
  said,
  moved,
  operation,
  withOperation,
  isUsed,
  ofJob,
  part,
  type Fields,
  type Row,
} from './relogged-changes.fixture.ts'

/** A receipt whose log is right, and has something else of the step. */
export interface Relogged {
  readonly name: string
  readonly reason: ReceiptReason | 'right'
  readonly statement: Statement
}

const rows: readonly Row[] = [
  [
    'entry-of-step',
    'foreign_entry',
    other((one) => ({ subject: 'lse_other', data: { ...one.data, step: 'stp_other' } })),
  ],
  ['entry-of-run', 'foreign_entry', other(() => ({ run: 'run_other' }))],
  [
    'entry-of-session',
    'foreign_entry',
    other(() => ({ type: 'session.issued', subject: 'ses_other', data: {} })),
  ],
  [
    'entry-of-approval',
    'foreign_entry',
    other(() => ({ type: 'approval.granted', subject: 'apr_other', data: {} })),
  ],
  ['entry-of-writer', 'foreign_entry', other(() => ({ source: 'mayfly://other' }))],
  [
    'approval-of-step',
    'foreign_entry',
    said('approval.granted', { bound: { operation: { step: 'stp_other' } } }),
  ],
  ['start-session', 'contradicted', data('step.started', () => ({ session: 'ses_other' }))],
  ['start-role', 'contradicted', data('step.started', () => ({ role: 'other' }))],
  ['start-name', 'contradicted', data('step.started', () => ({ name: 'other' }))],
  [
    'start-issuer',
    'contradicted',
    data('step.started', ({ job }) => ({ job: { ...fieldsIn(job), issuer: 'x' } })),
  ],
  ['start-ref', 'contradicted', data('step.started', ({ job }) => ({ job: { ...fieldsIn(job), ref: 'x' } }))],
  [
    'start-person',
    'contradicted',
    data('step.started', ({ job }) => ({ job: { ...fieldsIn(job), actor: {} } })),
  ],
  ['start-grants', 'contradicted', data('step.started', () => ({ grants: ['a', 'b', 'c'] }))],
  ['start-grants-count', 'contradicted', data('step.started', () => ({ grantsCount: 9 }))],
  ['start-services', 'contradicted', data('step.started', () => ({ services: [1] }))],
  ['end-session', 'contradicted', data('step.finished', () => ({ session: 'ses_other' }))],
  ['end-granted', 'contradicted', data('step.finished', () => ({ granted: [] }))],
  [
    'end-log-bytes',
    'contradicted',
    data('step.finished', ({ log }) => ({ log: { ...fieldsIn(log), bytes: 1 } })),
  ],
  ['end-script-of', 'contradicted', reported({ script: { ...aStep.reported.script, of: 'argv' } })],
  ['end-script-text', 'contradicted', reported({ script: { ...aStep.reported.script, text: 'true' } })],
  ['end-programs', 'contradicted', reported({ programs: { seen: [], looks: 1, more: 0 } })],
  ['end-omitted', 'right', reported({ programs: undefined, omitted: ['programs'] })],
  ['end-log', 'contradicted', reported({ log: { bytes: 1, sha256: 'a'.repeat(64) } })],
  ['end-files', 'contradicted', reported({ artifacts: { files: [], count: 2 } })],
  [
    'end-other-file',
    'contradicted',
    reported({ inputs: { ...inputs(), files: [{ path: 'x', sha256: 'f'.repeat(64), bytes: 99 }] } }),
  ],
  ['session-issuer', 'contradicted', data('session.issued', () => ({ issuer: 'x' }))],
  ['session-issuer-url', 'contradicted', data('session.issued', () => ({ issuerUrl: 'https://x.test' }))],
  ['session-role', 'contradicted', data('session.issued', () => ({ roles: ['release', 'admin'] }))],
  ['session-other-role', 'contradicted', data('session.issued', () => ({ roles: ['admin'] }))],
  [
    'session-attribute',
    'contradicted',
    data('session.issued', ({ identity }) => ({ identity: { ...fieldsIn(identity), fork: 'true' } })),
  ],
  [
    'session-run',
    'contradicted',
    data('session.issued', () => ({ ciRun: { id: '1', attempt: '1', job: 'x' } })),
  ],
  ['session-role-twice', 'contradicted', data('session.issued', () => ({ roles: ['release', 'release'] }))],
  ['downloaded-part-no', 'contradicted', part(false)],
  ['downloaded-part-text', 'contradicted', part('yes')],
  ['downloaded-part', 'right', part(true)],
  ['no-session', 'missing_entry', (events) => events.filter(({ type }) => type !== 'session.issued')],
  [
    'session-twice',
    'missing_entry',
    (events) => events.flatMap((one) => (one.type === 'session.issued' ? [one, one] : [one])),
  ],
  [
    'start-workspace',
    'contradicted',
    data('step.started', ({ reported: was }) => ({
      reported: { ...fieldsIn(was), workspace: { kind: 'shared', id: 'w1' } },
    })),
  ],
  [
    'start-engine',
    'contradicted',
    data('step.started', ({ reported: was }) => ({ reported: { ...fieldsIn(was), isolationBy: 'docker' } })),
  ],
  ['incomplete', 'right', data('step.finished', () => ({ downloadsIncomplete: true }))],
  ['lease-expires', 'right', data('lease.issued', () => ({ expires: '2026-11-29T09:00:00.000Z' }))],
  ['lease-renewed', 'right', renewed({ expires: '2026-11-29T09:00:00.000Z' })],
  ['lease-replaced', 'right', renewed({ expires: '2026-11-29T09:00:00.000Z', by: 'lea_other' })],
  ['lease-kind', 'contradicted', data('lease.issued', () => ({ kind: 'x' }))],
  ['downloaded-connection', 'contradicted', data('packages.downloaded', () => ({ connection: 'x' }))],
  ['published-connection', 'contradicted', data('packages.published', () => ({ connection: 'x' }))],
  [
    'published-tag',
    'contradicted',
    data('packages.published', ({ packages }) => ({
      packages: (packages as Fields[]).map((one) => ({ ...one, tag: 'latest' })),
    })),
  ],
  ['session-person', 'contradicted', data('session.issued', () => ({ actor: {} }))],
  [
    'publication-in-no-entry',
    'contradicted',
    (events) => events.filter(({ type }) => type !== 'packages.published'),
  ],
  ['approval', 'right', said('approval.granted', {})],
  [
    'approval-then-denied',
    'right',
    (events) => said('approval.granted', {})(said('approval.denied', {})(events)),
  ],
  ['approval-of-operation', 'contradicted', said('approval.granted', operation(), 'step.finished')],
  ['approval-not-complete', 'right', said('approval.granted', { complete: false })],
  ['approval-behind-session', 'right', said('approval.granted', {}, 'step.started')],
  ['approval-behind-start', 'contradicted', said('approval.granted', {}, 'step.finished')],
  [
    'approval-behind-end',
    'contradicted',
    (events) => moved('approval.granted', 'step.finished')(said('approval.granted', {})(events)),
  ],
  ['session-behind-start', 'contradicted', moved('session.issued', 'step.started')],
  ['session-last', 'contradicted', moved('session.issued', 'step.finished')],
  ['end-before-start', 'contradicted', moved('step.started', 'step.finished')],
  ['end-written-late', 'right', endWritten(7_200_000)],
  ['end-written-in-time', 'right', endWritten(600_000)],
  ['end-written-before', 'contradicted', endWritten(-600_001)],
  ['end-commit', 'contradicted', ofJob('step.finished', { commit: 'f'.repeat(40) })],
  ['end-without-job', 'contradicted', data('step.finished', () => ({ job: undefined }))],
  ['lease-repository', 'contradicted', ofJob('lease.issued', { repository: 'evil/x' })],
  ['lease-repository-id', 'contradicted', ofJob('lease.revoked', { repository_id: '1' })],
  ['lease-session', 'contradicted', data('lease.issued', () => ({ session: 'ses_other' }))],
  ['lease-without-job', 'right', data('lease.issued', () => ({ job: undefined, session: undefined }))],
  ['downloaded-issuer', 'contradicted', ofJob('packages.downloaded', { issuer: 'other' })],
  ['published-ref', 'contradicted', ofJob('packages.published', { ref: 'refs/heads/other' })],
  ['lease-other-person', 'right', ofJob('lease.revoked', { actor: { person: `per_${'9'.repeat(24)}` } })],
]

/** What people were asked about while the step ran. */
const asked: readonly Row[] = [
  ['operation', 'right', said('approval.granted', operation(), 'step.finished')],
  [
    'operation-then-used',
    'right',
    (events) => isUsed(said('approval.granted', operation(), 'step.finished')(events)),
  ],
  [
    'operation-used-before',
    'contradicted',
    (events) => said('approval.granted', operation(), 'step.finished')(isUsed(events)),
  ],
  [
    'operation-used-before-all-said-yes',
    'contradicted',
    (events) =>
      said(
        'approval.granted',
        operation(),
        'step.finished',
      )(isUsed(said('approval.granted', { ...operation(), complete: false }, 'step.finished')(events))),
  ],
  [
    'operation-one-yes-more',
    'right',
    (events) =>
      said(
        'approval.granted',
        operation(),
        'step.finished',
      )(isUsed(said('approval.granted', operation(), 'step.finished')(events))),
  ],
  ['operation-before-start', 'contradicted', said('approval.granted', operation(), 'step.started')],
  [
    'operation-behind-end',
    'right',
    (events) =>
      moved(
        'approval.granted',
        'step.finished',
      )(said('approval.granted', operation(), 'step.finished')(events)),
  ],
]

/** The credential lasted longer, or another took its place. */
function renewed(more: Fields) {
  return (events: EntryEvent[]) =>
    events.flatMap((one) => {
      if (one.type !== 'lease.issued') return [one]
      const { expires: _, ...about } = one.data
      return [one, { ...one, type: 'lease.renewed', data: { ...about, ...more } }]
    })
}

function inputs(): Fields {
  const { inputs: files, inputsSha256: sha256 } = aStep.reported
  return { files, count: files.length, bytes: 1, sha256 }
}

/** It took five files, of which there was room for two. */
const cut: StepFacts = {
  ...aStep,
  reported: {
    ...aStep.reported,
    inputs: [...aStep.reported.inputs, { path: 'dist/more.js', sha256: 'a'.repeat(64), bytes: 1 }],
    inputsCount: 5,
  },
}

const cutInputs = (named: number) =>
  reported({
    inputs: {
      files: cut.reported.inputs.slice(0, named),
      count: 5,
      bytes: 9,
      sha256: aStep.reported.inputsSha256,
    },
  })

export function reloggedReceipts(): Relogged[] {
  const all = [
    ...rows.map((row) => [...row, aStep] as const),
    ...asked.map((row) => [...row, withOperation] as const),
    ['inputs-cut', 'right', cutInputs(2), cut] as const,
    ['inputs-cut-more', 'right', cutInputs(1), cut] as const,
    [
      'inputs-left-out',
      'contradicted',
      cutInputs(2),
      { ...cut, reported: { ...cut.reported, inputs: aStep.reported.inputs } },
    ] as const,
  ]
  return all.map(([name, reason, change, facts]) => {
    const statement = receiptOf(facts, provenIn(facts, change))
    if (statement === undefined) throw new Error(`${name}: its end is missing`)
    return { name, reason, statement }
  })
}
