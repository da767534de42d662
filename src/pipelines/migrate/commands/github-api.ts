import type { Need } from '../model.ts'
import { asPattern, need, type CommandFacts } from './command.ts'

/** What a request below `/repos/OWNER/NAME/` changes (docs.github.com/rest), as grants name it. */
const changes: readonly (readonly [path: RegExp, action: string])[] = [
  [/^(?:dispatches|actions\/workflows\/.+\/dispatches)$/, 'github:dispatch'],
  [/^releases(?:\/|$)/, 'github:release'],
  [/^(?:issues|pulls)\/.+\/comments$/, 'github:comment'],
  [/^issues(?:\/|$)/, 'github:issue'],
  [/^pulls(?:\/|$)/, 'github:pull-request'],
  [/^(?:statuses|check-runs)(?:\/|$)/, 'github:status'],
  [/^deployments(?:\/|$)/, 'github:deployment'],
  [/^contents\//, 'github:contents'],
]

const changing = /^(?:-X|--request|-d|--data\S*|--json|-F|--form|-T|--upload-file)/

/** The grants of a `curl` to GitHub's API; none for what it changes and we do not know. */
export function githubNeeds(words: readonly string[], { repository }: CommandFacts): Need[] {
  const isEverybodys = repository.host === 'https://github.com'
  const api = isEverybodys ? 'https://api.github.com/' : `${repository.host}/api/v3/`
  const place = words.map(asPattern).find((word) => word.startsWith(`${api}repos/`))
  const [, path, rest = ''] =
    /^repos\/([\w.-]+\/[\w.-]+)\/?([^?#]*)/.exec(place?.slice(api.length) ?? '') ?? []
  if (path === undefined) return []
  const isChanging = words.some((word) => changing.test(word))
  const action = isChanging ? changes.find(([one]) => one.test(rest))?.[1] : 'github:read'
  if (action === undefined) return []
  const url = isEverybodys ? {} : { url: api.replace(/\/$/, '') }
  return [{ ...need('github', action, isChanging, path), ...url }]
}
