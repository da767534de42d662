import type { Entry } from '../../audit/verify/index.ts'
import type { Agreement } from './receipt-agreement.ts'
import { operationOf } from './receipt-approvals.ts'
import { listIn } from './lenient-fields.ts'

/**
 * What allows something stands before it: the order of the log is the order in which things happened, whatever clocks said. Else a
 * server that lets a step do what nobody had said yes to could have the yes written when somebody asks for the receipt.
 * `entries` are in the log's order.
 */
export function orderAgrees(entries: readonly Entry[], agreement: Agreement): void {
  const first = (type: string) => entries.findIndex((one) => one.type === type)
  const [issued, start, end] = ['session.issued', 'step.started', 'step.finished'].map(first)
  agreement.holds('the order of session.issued and step.started', issued! < start!)
  agreement.holds('the order of step.started and step.finished', start! < end!)
  const [complete, used] = [firstYes(entries), firstUses(entries)]
  for (const [at, entry] of entries.entries())
    if (entry.type === 'approval.granted')
      agreement.holds(
        'the order of approval.granted and step.started',
        operationOf(entry) === undefined ? at < start! : at > start!,
      )
  for (const [id, at] of complete)
    agreement.holds(
      'the order of approval.granted and access.granted',
      at < (used.get(id) ?? Number.POSITIVE_INFINITY),
    )
}

/** Where enough had said yes, by approval. */
function firstYes(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>()
  for (const [at, { type, subject, data }] of entries.entries())
    if (type === 'approval.granted' && data['complete'] === true && !first.has(subject))
      first.set(subject, at)
  return first
}

/** Where each approval was made use of first. */
function firstUses(entries: readonly Entry[]): ReadonlyMap<unknown, number> {
  const first = new Map<unknown, number>()
  for (const [at, { type, data }] of entries.entries())
    if (type === 'access.granted')
      for (const id of listIn(data['approvals'])) if (!first.has(id)) first.set(id, at)
  return first
}
