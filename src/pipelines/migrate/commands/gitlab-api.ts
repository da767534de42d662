import type { Need } from '../model.ts'
import { need, unknownName, type CommandFacts } from './command.ts'

/** What a request below `/api/v4/projects/PROJECT/` changes (docs.gitlab.com/api/rest), as grants name it. */
const changes: readonly (readonly [path: RegExp, action: string])[] = [
  [/^releases(?:\/|$)/, 'gitlab:release'],
  [/^packages\//, 'gitlab:package'],
  [/^merge_requests\/[^/]+\/merge$/, 'gitlab:merge'],
  [/^(?:issues|merge_requests)\/[^/]+\/(?:notes|discussions)/, 'gitlab:comment'],
  [/^merge_requests(?:\/|$)/, 'gitlab:merge-request'],
  [/^(?:issues|labels|milestones)(?:\/|$)/, 'gitlab:issue'],
  [/^statuses\//, 'gitlab:status'],
  [/^deployments(?:\/|$)/, 'gitlab:deployment'],
  [/^repository\/files\/\.gitlab/, 'gitlab:workflow'],
  [/^repository\/(?:files\/|branches|tags)/, 'gitlab:contents'],
  [/^repository\/commits$/, 'gitlab:workflow'],
  [/^(?:pipeline|pipelines\/[^/]+\/(?:retry|cancel)|jobs\/.+)$/, 'gitlab:pipeline'],
  [/^variables(?:\/|$)/, 'gitlab:variable'],
]

const asks =
  /^(?:-d|--data\S*|--json|-F|--form\S*|-T|--upload-file|--post-data\S*|--post-file\S*|--body-data\S*)/

/** The grants of a `curl` to the API of the GitLab that the project is on; none for what it changes and we do not know. */
export function gitlabNeeds(words: readonly string[], facts: CommandFacts): Need[] {
  const { repository } = facts
  const api = `${repository.host}/api/v4/`
  const place = words.map((word) => addressOf(word, facts)).find((word) => word.startsWith(api))
  const [path = ''] = place?.slice(api.length).split(/[?#]/) ?? []
  const [, root, id = '', rest = ''] = /^(projects|groups)\/([^/]+)\/?(.*?)\/?$/.exec(path) ?? []
  if (root === undefined) return []
  const method = methodOf(words)
  const isRead = method === 'GET' || method === 'HEAD'
  const action = isRead ? 'gitlab:read' : changes.find(([one]) => one.test(rest))?.[1]
  if (action === undefined) return []
  const url = repository.host === 'https://gitlab.com' ? {} : { url: repository.host }
  return [{ ...need('gitlab', action, !isRead, nameOf(id, facts)), needsLogin: true, ...url }]
}

/** With what GitLab itself puts into its variables (docs.gitlab.com/ci/variables/predefined_variables). */
function addressOf(word: string, { repository }: CommandFacts): string {
  const { host, path } = repository
  const known: Readonly<Record<string, string>> = {
    CI_API_V4_URL: `${host}/api/v4`,
    CI_SERVER_URL: host,
    CI_SERVER_HOST: host.replace(/^https?:\/\//, ''),
    CI_SERVER_FQDN: host.replace(/^https?:\/\//, ''),
    CI_PROJECT_ID: path.replaceAll('/', '%2F'),
    CI_PROJECT_PATH: path.replaceAll('/', '%2F'),
  }
  return word.replaceAll(/\$\{?(\w{1,200})\}?/g, (all, name: string) => known[name] ?? all)
}

function nameOf(id: string, { repository }: CommandFacts): string {
  if (id === repository.id) return repository.path
  const name = id.replaceAll(/%2f/gi, '/')
  return /^(?!\d+$)[\w.-]+(?:\/[\w.-]+)*$/.test(name) ? name : unknownName
}

function methodOf(words: readonly string[]): string {
  for (const [i, word] of words.entries()) {
    const said = /^(?:--request|--method)=(\w+)$|^-X(\w+)$/.exec(word)
    if (said !== null) return (said[1] ?? said[2] ?? '').toUpperCase()
    if (word === '-X' || word === '--request' || /^-[a-zA-Z]*X$/.test(word))
      return (words[i + 1] ?? '').toUpperCase()
  }
  if (words.some((word) => asks.test(word)))
    return words.some((word) => /^(?:-T|--upload-file)/.test(word)) ? 'PUT' : 'POST'
  return words.includes('-I') || words.includes('--head') ? 'HEAD' : 'GET'
}
