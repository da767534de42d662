import { actionOf, isMinting, mintingRefusal, readRules, whatOf } from '../api-rules.ts'
import { plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import { readGraphql } from '../graphql.ts'
import { isName, nameOfNumber } from '../numbered.ts'
import { passHttp } from '../pass-http.ts'

/**
 * GitLab's REST and GraphQL APIs (docs.gitlab.com/api/rest, version 4); the connection's URL ends before `/api` (`https://gitlab.com`).
 * Names what a request does and to which project or group. Refuses what has no plain path; a
 * write without a rule is `gitlab:admin`.
 */
export function createGitlabHandler(): HttpHandler {
  return async (exchange) => {
    const { path, request, response } = exchange
    if (path === '/api/graphql') return graphql(exchange)
    const below = /^\/api\/v4\/(?<rest>.*)$/.exec(path)?.groups?.['rest']
    if (below === undefined)
      return plainAnswer(
        response,
        403,
        exchange.deny(whatOf(exchange), 'only /api/v4 and /api/graphql pass here'),
      )
    const { name: connection } = exchange.connection
    const actions = actionsOf(request.method ?? '', plainRest(below))
    if (actions.some(isMinting))
      return plainAnswer(exchange.response, 403, exchange.deny(whatOf(exchange), mintingRefusal))
    const resource = await resourceOf(exchange, actions[0] ?? '', below)
    if (resource === undefined) return
    const operations = actions.map((action) => ({ action, connection, path: resource }))
    await passHttp(exchange, whatOf(exchange), operations, {
      without: registrationTokenIn(request.method, below),
    })
  }
}

/** GitLab's routes take a format at their end (`variables.json`): what the request is with it and without, both are asked for. */
function actionsOf(method: string, path: string): string[] {
  const readings = [path, path.replace(/\.[A-Za-z0-9]+$/, '').replace(/\/$/, '')]
  return [...new Set(readings.map((one) => actionOf('gitlab', rules, method, one)))]
}

/** A project or group, or a list of them, tells its maintainers the token by which runners are added: it does not reach the step. */
function registrationTokenIn(method: string | undefined, below: string): string | undefined {
  const [root = '', ...rest] = below.toLowerCase().split('/')
  const isOfThem = root.startsWith('projects') || root.startsWith('groups') || root === 'users'
  return method === 'GET' && isOfThem && rest.length <= 2 ? 'runners_token' : undefined
}

async function graphql(exchange: Exchange): Promise<void> {
  const read = exchange.request.method === 'POST' ? await readGraphql(exchange) : 'GraphQL is asked by POST'
  if (typeof read === 'string')
    return plainAnswer(exchange.response, 403, exchange.deny(whatOf(exchange), read))
  await passHttp(exchange, whatOf(exchange), read.operations, { body: read.body })
}

/** Behind the id an escaped slash counts as one: a server may take it so, and nothing is hidden by it. */
function plainRest(below: string): string {
  const [root = '', id = '', ...rest] = below.replace(/\/$/, '').split('/')
  return [root, id, ...rest.map((part) => part.replaceAll(/%2f/gi, '/'))]
    .join('/')
    .split('/')
    .filter((part) => part !== '')
    .join('/')
}

/** Things with paths that GitLab also takes by number. */
const numbered: Readonly<Record<string, string>> = { projects: 'path_with_namespace', groups: 'full_path' }

/**
 * A project's or group's path; `~` for what belongs to the account. What is named by its number goes by its path. Undefined: it was
 * refused, and that is answered.
 */
async function resourceOf(exchange: Exchange, action: string, below: string): Promise<string | undefined> {
  const [root = '', id = ''] = below.split('/')
  const kind = root.toLowerCase()
  const field = numbered[kind]
  if (field === undefined) return '~'
  if (/^[0-9]+$/.test(id)) return nameOfNumber(exchange, action, { path: `/api/v4/${kind}/${id}`, field })
  const plain = id.replaceAll(/%2f/gi, '/')
  return isName(plain) ? plain : '~'
}

const rules = readRules(
  'gitlab',
  `
  # What answers with a credential: new ones, and files and variables in which they are kept.
  POST|PUT projects/*/access_tokens/** => mint
  POST|PUT groups/*/access_tokens/** => mint
  POST|PUT projects/*/deploy_tokens => mint
  POST|PUT groups/*/deploy_tokens => mint
  POST|PUT personal_access_tokens/** => mint
  POST|PUT user/personal_access_tokens/** => mint
  POST|PUT users/*/personal_access_tokens/** => mint
  POST|PUT users/*/impersonation_tokens/** => mint
  POST|PUT user/runners => mint
  POST|PUT runners/** => mint
  POST|PUT projects/*/runners/reset_registration_token => mint
  POST|PUT groups/*/runners/reset_registration_token => mint
  GET|HEAD|POST|PUT projects/*/triggers/** => mint
  GET|HEAD projects/*/secure_files/*/download => mint
  GET|HEAD projects/*/variables/** => mint
  GET|HEAD projects/*/pipelines/*/variables/** => mint
  GET|HEAD projects/*/pipeline_schedules/*/** => mint
  POST|PUT projects/*/cluster_agents/*/tokens/** => mint
  POST|PUT groups/*/service_accounts/*/personal_access_tokens/** => mint
  POST|PUT service_accounts/** => mint
  POST|PUT applications/** => mint
  POST|PUT projects/*/error_tracking/client_keys/** => mint
  GET|HEAD groups/*/variables/** => mint
  GET|HEAD admin/** => mint
  # Who may write files may not write pipelines. A commit's files stand in its body, so it counts as both.
  POST|PUT|DELETE projects/*/repository/files/.gitlab-ci.yml => workflow
  POST|PUT|DELETE projects/*/repository/files/.gitlab/** => workflow
  POST|PUT|DELETE projects/*/repository/files/** => contents
  POST projects/*/repository/commits => workflow
  POST projects/*/repository/commits/*/cherry_pick => workflow
  POST projects/*/repository/commits/*/revert => workflow
  POST|DELETE projects/*/repository/branches/** => contents
  POST|DELETE projects/*/repository/tags/** => contents
  POST projects/*/repository/commits/*/comments => comment
  POST projects/*/statuses/* => status
  POST projects/*/pipeline => pipeline
  POST projects/*/trigger/pipeline => pipeline
  POST projects/*/pipelines/*/retry => pipeline
  POST projects/*/pipelines/*/cancel => pipeline
  POST projects/*/jobs/** => pipeline
  POST|PUT|DELETE projects/*/variables/** => variable
  POST|PUT|DELETE groups/*/variables/** => variable
  POST|PUT|DELETE projects/*/deploy_keys/** => deploy-key
  DELETE projects/*/deploy_tokens/** => deploy-key
  DELETE projects/*/access_tokens/** => deploy-key
  DELETE projects/*/triggers/** => deploy-key
  POST|PUT|DELETE projects/*/hooks/** => hook
  POST|PUT|DELETE groups/*/hooks/** => hook
  POST|PUT|DELETE projects/*/releases/** => release
  POST|PUT|DELETE projects/*/deployments/** => deployment
  PUT|POST|DELETE projects/*/packages/** => package
  PUT projects/*/merge_requests/*/merge => merge
  POST|PUT|DELETE projects/*/merge_requests/*/notes/** => comment
  POST|PUT|DELETE projects/*/merge_requests/*/discussions/** => comment
  POST|PUT projects/*/merge_requests/** => merge-request
  POST|PUT|DELETE projects/*/issues/*/notes/** => comment
  POST|PUT|DELETE projects/*/issues/*/discussions/** => comment
  POST|PUT|DELETE projects/*/issues/** => issue
  POST|PUT|DELETE projects/*/labels/** => issue
  POST|PUT|DELETE projects/*/milestones/** => issue
  # What it finds may be of any project that the credential sees.
  GET|HEAD search => search
  POST projects => create-project
  POST projects/*/fork => create-project
  POST|PUT|DELETE projects/*/snippets/** => snippet
  POST|PUT|DELETE snippets/** => snippet
`,
)
