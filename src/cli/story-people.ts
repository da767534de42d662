import { detailLine } from './operation-detail.ts'
import type { Data, Tellers } from './story-entry.ts'
import { nameOf } from './story-name.ts'

/** What people did, as it is told: approvals, sign-ins. */
export const peopleTellers: Tellers = {
  'approval.requested': (data) => [
    `asked for ${subjectOf(data)}, which needs ${word(data['needs'])}, until ${word(data['expires'])}`,
    placeOf(data),
  ],
  'approval.granted': (data) => [
    `${word(data['by'])} said yes to ${subjectOf(data)}${because(data)}${data['complete'] === true ? '; that was enough' : ''}`,
    placeOf(data),
  ],
  'approval.denied': (data) => [
    `${word(data['by'])} said no to ${subjectOf(data)}${because(data)}`,
    placeOf(data),
  ],
  'approval.refused': (data) => [
    `REFUSED ${word(data['by'])} may not approve ${subjectOf(data)}: ${word(data['reason'])}`,
    placeOf(data),
  ],
  'approval.expired': (data) => [`the request for ${subjectOf(data)} expired${because(data)}`],
  'approval.cancelled': (data) => [`the request for ${subjectOf(data)} was taken back${because(data)}`],
  'approval.voided': (data) => [`the request for ${subjectOf(data)} was ended${because(data)}`],
  'operator.signedin': (data) => [`${word(data['by'])} signed in, with ${words(data['scopes'])}`],
  'operator.signedout': (data) => [`${word(data['by'])} signed out`],
  'operator.refused': (data) => [
    `REFUSED ${word(data['by'])}, who signed in and may do nothing here (groups: ${words(data['groups'])})`,
  ],
  'notification.failed': (data) => [`"${word(data['target'])}" could not be told${because(data)}`],
}

function boundOf(data: Data): Data {
  return (data['bound'] ?? {}) as Data
}

/** The operation of a step, or the roles of a session. */
function subjectOf(data: Data): string {
  const { roles, operation } = boundOf(data)
  const { operations, stepName, detail } = (operation ?? {}) as Record<string, unknown>
  if (operations === undefined) return words(roles)
  const line = word(detailLine((detail ?? {}) as Data))
  return `${words(operations)}${line === '' || line === '?' ? '' : ` (${line})`} in step ${word(stepName)}`
}

function placeOf(data: Data): string {
  const { repository, ref, commit, workflow, actor } = boundOf(data)
  const { login, id } = (actor ?? {}) as Record<string, unknown>
  return `for ${word(repository)} at ${word(ref)} (${word(commit).slice(0, 12)}), by ${word(workflow)}, triggered by ${word(login ?? id)}`
}

function because({ reason }: Data): string {
  return typeof reason === 'string' ? `: ${reason}` : ''
}

function word(value: unknown): string {
  return nameOf(value) ?? '?'
}

function words(value: unknown): string {
  return Array.isArray(value) ? value.map(word).join(', ') : '?'
}
