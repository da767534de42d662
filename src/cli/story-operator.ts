import type { Tellers } from './story-entry.ts'
import { list, text } from './story-text.ts'

/** What operators did to the server, as it is told. */
export const operatorTellers: Tellers = {
  'policy.applied': (data) => [
    `${text(data['by'])} applied version ${text(data['version'])} of the policy, ${text(data['changeCount'])} changes`,
  ],
  'person.erased': (data, { subject }) => [
    `${text(data['by'])} had the names of ${subject} erased: they cannot be read any more`,
  ],
  'logs.removed': (data) => [
    `${text(data['by'])} removed what is kept of the logs of run ${text(data['of'])} (${text(data['removed'])} steps)`,
  ],
  'token.recovered': (data) => [
    `${text(data['by'])} made the operator token "${text(data['name'])}" on the server’s machine (mayfly token recover)`,
  ],
  'token.created': (data) => [
    `${text(data['by'])} made the API token "${text(data['name'])}" (${list(data['scopes'])})`,
  ],
  'token.revoked': (data) => [`${text(data['by'])} revoked API token ${text(data['id'])}`],
}
