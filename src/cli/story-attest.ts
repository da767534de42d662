import type { Data, Tellers } from './story-entry.ts'
import { text } from './story-text.ts'

/** What was attested, as it is told. */
export const attestTellers: Tellers = {
  'attestation.signed': (data) => [
    `SIGNED ${text(data['predicateType'] ?? 'a list of checksums')}${resultOf(data)} of ${subjectsOf(data)}, entry ${text(data['logIndex'])} of the attestation log, by ${text(data['by']).slice(0, 23)}…`,
  ],
  'step.warned': ({ warnings }) => [
    `not all of its end was done: ${(Array.isArray(warnings) ? warnings : []).map(text).join('; ')}`,
  ],
  'attestations.removed': (data) => [
    `${text(data['removed'])} attestations were removed: ${text(data['reason'])}`,
  ],
  'attestations.retried': (data) => [
    `${text(data['by'])} asked again for ${text(data['asked'])} attestations that wait or have failed`,
  ],
}

/** Of a verification summary. */
function resultOf({ result, asked }: Data): string {
  if (result === undefined) return ''
  const { by } = (asked ?? {}) as Data
  return ` (${text(result)}, asked for by ${text(by)})`
}

function subjectsOf({ subjects, subjectCount }: Data): string {
  const [first] = Array.isArray(subjects) ? (subjects as Data[]) : []
  const more = Number(subjectCount) > 1 ? ` and ${Number(subjectCount) - 1} more` : ''
  return `${text(first?.['name'] ?? first?.['digest'])}${more}`
}
