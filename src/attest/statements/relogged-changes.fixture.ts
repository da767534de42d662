import type { EntryEvent } from '../../audit/verify/index.ts'
import type { StepFacts } from './index.ts'
import { aStep } from './receipt.fixture.ts'
import type { ReceiptReason } from '../verify/index.ts'

export type Fields = Record<string, unknown>
export type Row = readonly [
  name: string,
  reason: ReceiptReason | 'right',
  change: (events: EntryEvent[]) => EntryEvent[],
]

export const fieldsIn = (value: unknown): Fields => (value ?? {}) as Fields

/** The one entry of that type, with other data. */
export const data = (type: string, change: (data: Fields) => Fields) => (events: EntryEvent[]) =>
  events.map((one) => (one.type === type ? { ...one, data: { ...one.data, ...change(one.data) } } : one))

export const reported = (fields: Fields) =>
  data('step.finished', ({ reported: was }) => ({ reported: { ...fieldsIn(was), ...fields } }))

export const other = (change: (event: EntryEvent) => object) => (events: EntryEvent[]) =>
  events.map((one) => (one.type === 'lease.issued' ? { ...one, ...change(one) } : one))

const [approval] = aStep.approvals
const bound = { issuer: aStep.identity.issuer, roles: ['release'] }
const yes = {
  by: { person: approval?.people[0] },
  groups: ['release-managers'],
  complete: true,
  bound,
}
const at = (events: EntryEvent[], type: string) => events.findIndex((one) => one.type === type)

/** That somebody said so of an approval, before the first entry of that type. */
export const said =
  (type: string, fields: Fields, before = 'session.issued') =>
  (events: EntryEvent[]) => {
    const one = { type, subject: approval?.id ?? '', run: aStep.run.id, data: { ...yes, ...fields } }
    return events.toSpliced(at(events, before), 0, one)
  }

/** The first entry of a type stands behind the first of another. */
export const moved = (type: string, behind: string) => (events: EntryEvent[]) => {
  const [from, to] = [at(events, type), at(events, behind)]
  return events.toSpliced(to + 1, 0, events[from]!).toSpliced(from < to ? from : from + 1, 1)
}

/** Of a yes to what the step asked for while it ran. */
export const operation = (fields: Fields = {}) => ({
  bound: { ...bound, operation: { step: aStep.step.id, operations: ['git:push a'], ...fields } },
})

/** The receipt's step with its first approval for an operation. */
export const withOperation: StepFacts = {
  ...aStep,
  approvals: aStep.approvals.map((one) => ({ ...one, of: 'git:push a' })),
}

export const isUsed = (events: EntryEvent[]) => {
  const start = events[at(events, 'step.started')]!
  const { session, step, role, job } = start.data
  const data = { session, step, role, job, approvals: [approval?.id] }
  const one = { ...start, type: 'access.granted', subject: aStep.step.id, data }
  return events.toSpliced(at(events, 'step.finished'), 0, one)
}

/** The entry of the end is written so much later than the step ended. */
export const endWritten = (laterMs: number) => (events: EntryEvent[]) =>
  events.map((one) => {
    const time = new Date(aStep.step.finishedMs + laterMs).toISOString()
    return one.type === 'step.finished' ? Object.assign({}, one, { time }) : one
  })

export const ofJob = (type: string, fields: Fields) =>
  data(type, ({ job }) => ({ job: { ...fieldsIn(job), ...fields } }))

/** What was read to choose a version is no material; only `true` says so, and the receipt here has none that is not one. */
export function part(isPart: unknown) {
  return (events: EntryEvent[]) =>
    data('packages.downloaded', ({ packages }) => ({
      packages: [
        ...(packages as Fields[]),
        { purl: 'pkg:npm/more@1.0.0', sha256: 'e'.repeat(64), part: isPart },
      ],
    }))(events)
}
