import { textIn, type Data } from './read.ts'

/**
 * How it went. `granted`, `denied` (by the policy, or a person's no), `refused` (somebody was turned away), `shadowed` (let pass
 * although no grant covers it), `failed`, `lost` (entries may be missing), `done` (anything else that happened).
 */
export type Outcome = 'granted' | 'denied' | 'refused' | 'shadowed' | 'failed' | 'lost' | 'done'

const outcomes: Readonly<Record<string, Outcome>> = {
  'access.granted': 'granted',
  'access.shadowed': 'shadowed',
  'access.denied': 'denied',
  'egress.granted': 'granted',
  'packages.downloaded': 'granted',
  'packages.published': 'done',
  'git.pushed': 'done',
  'operations.done': 'done',
  'package.changed': 'denied',
  'sumdb.contradicted': 'denied',
  'provenance.downgraded': 'denied',
  'session.issued': 'granted',
  'session.refused': 'refused',
  'lease.issued': 'granted',
  'lease.renewed': 'granted',
  'lease.unrevoked': 'failed',
  'approval.granted': 'granted',
  'approval.denied': 'denied',
  'approval.refused': 'refused',
  'approval.expired': 'failed',
  'approval.voided': 'failed',
  'operator.refused': 'refused',
  'notification.failed': 'failed',
  'entries.lost': 'lost',
  'quorum.lost': 'failed',
  'history.refused': 'refused',
  'history.contradicted': 'failed',
  'rollback.accepted': 'lost',
  'store.restored': 'lost',
}

export function outcomeOf(type: string, data: Data): Outcome {
  if (type === 'step.finished') return textIn(data, 'outcome') === 'success' ? 'done' : 'failed'
  const known = outcomes[type]
  if (known !== undefined) return known
  // A type that came later says it in its own name.
  const last = /\.(?<word>[a-z]+)$/.exec(type)?.groups?.['word']
  return last !== undefined && Object.hasOwn(byWord, last) ? (byWord[last] ?? 'done') : 'done'
}

const byWord: Readonly<Record<string, Outcome>> = {
  granted: 'granted',
  denied: 'denied',
  refused: 'refused',
  failed: 'failed',
  lost: 'lost',
}
