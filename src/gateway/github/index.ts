import { actionOf, isMinting, mintingRefusal, readRules, whatOf } from '../api-rules.ts'
import { plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import { readGraphql } from '../graphql.ts'
import { nameOfNumber } from '../numbered.ts'
import { passHttp } from '../pass-http.ts'

/**
 * GitHub's REST and GraphQL APIs (docs.github.com/rest, API version 2022-11-28), at api.github.com or below /api/v3 of a server of
 * one's own. Names what a request does and to which repository. GraphQL names no repository, only ids: its operations are the fields
 * at the root of the document. Refuses what has no plain path; a write without a rule is `github:admin`.
 */
export function createGithubHandler(): HttpHandler {
  return async (exchange) => {
    const { path, request } = exchange
    if (path === '/graphql' || path === '/graphql/') return graphql(exchange)
    const { name: connection } = exchange.connection
    // A server may take an escaped slash for one: a file's path is not hidden by it.
    const plain = path.replaceAll(/%2f/gi, '/')
    const action = actionOf('github', rules, request.method ?? '', ruled(plain))
    if (isMinting(action))
      return plainAnswer(exchange.response, 403, exchange.deny(whatOf(exchange), mintingRefusal))
    const resource = await resourceOf(exchange, action, plain)
    if (resource === undefined) return
    await passHttp(exchange, whatOf(exchange), [{ action, connection, path: resource }], {
      link: (text) => byName(text, resource),
    })
  }
}

/** The path as rules have it: what is named by its number is the same thing. */
function ruled(path: string): string {
  return path
    .slice(1)
    .replace(/\/+$/, '')
    .replaceAll(/\/{2,}/g, '/')
    .replace(/^repositories\/\d+(?=\/|$)/i, 'repos/~/~')
    .replace(/^organizations\/\d+(?=\/|$)/i, 'orgs/~')
}

async function graphql(exchange: Exchange): Promise<void> {
  const read = exchange.request.method === 'POST' ? await readGraphql(exchange) : 'GraphQL is asked by POST'
  if (typeof read === 'string')
    return plainAnswer(exchange.response, 403, exchange.deny(whatOf(exchange), read))
  await passHttp(exchange, whatOf(exchange), read.operations, { body: read.body })
}

/** Things with names that GitHub also takes by number. */
const numbered: Readonly<Record<string, string>> = { repositories: 'full_name', organizations: 'login' }

/**
 * OWNER/NAME, an OWNER alone, or `~`: the account that the credential is of, and what belongs to nobody. What is named by its number
 * goes by its name. Undefined: it was refused, and that is answered.
 */
async function resourceOf(exchange: Exchange, action: string, path: string): Promise<string | undefined> {
  const [root = '', owner = '', name = ''] = path.slice(1).split('/')
  const kind = root.toLowerCase()
  const field = numbered[kind]
  if (field !== undefined && /^[0-9]+$/.test(owner))
    return nameOfNumber(exchange, action, { path: `/${kind}/${owner}`, field })
  if (kind === 'teams' && owner !== '') {
    const reason = 'a team is named by its organization here: orgs/ORG/teams/TEAM'
    plainAnswer(exchange.response, 403, exchange.deny(whatOf(exchange), reason))
    return undefined
  }
  const isPlain = (text: string) => /^[A-Za-z0-9_.-]+$/.test(text)
  if ((kind === 'repos' || kind === 'networks') && isPlain(owner) && isPlain(name)) return `${owner}/${name}`
  if ((kind === 'orgs' || kind === 'users') && isPlain(owner)) return owner
  return '~'
}

/** Links to the next page name the repository by its number; the step goes on by the name that it began with. */
function byName(link: string, resource: string): string {
  return resource.includes('/')
    ? link.replaceAll(/\/repositories\/\d+(?=[/?>])/g, `/repos/${resource}`)
    : link
}

const rules = readRules(
  'github',
  `
  # What answers with a credential.
  POST app/installations/*/access_tokens => mint
  POST app-manifests/*/conversions => mint
  POST|PATCH applications/** => mint
  POST repos/*/*/actions/runners/** => mint
  POST orgs/*/actions/runners/** => mint
  POST enterprises/*/actions/runners/** => mint
  # Beginning with what could be taken for something smaller: who may write files may not write workflows.
  PUT|DELETE repos/*/*/contents/.github/** => workflow
  PUT|DELETE repos/*/*/contents/** => contents
  POST|PATCH|DELETE repos/*/*/git/** => workflow
  POST repos/*/*/merges => workflow
  POST repos/*/*/merge-upstream => workflow
  PUT repos/*/*/actions/workflows/*/enable => workflow
  PUT repos/*/*/actions/workflows/*/disable => workflow
  POST repos/*/*/dispatches => dispatch
  POST repos/*/*/actions/workflows/*/dispatches => dispatch
  POST repos/*/*/actions/runs/*/rerun => dispatch
  POST repos/*/*/actions/runs/*/rerun-failed-jobs => dispatch
  POST repos/*/*/actions/jobs/*/rerun => dispatch
  POST repos/*/*/actions/runs/*/cancel => dispatch
  PUT|POST|PATCH|DELETE repos/*/*/actions/secrets/** => secret
  PUT|POST|PATCH|DELETE repos/*/*/actions/variables/** => secret
  POST repos/*/*/actions/variables => secret
  PUT|DELETE repos/*/*/dependabot/secrets/** => secret
  PUT|DELETE repos/*/*/codespaces/secrets/** => secret
  PUT|POST|PATCH|DELETE repos/*/*/environments/*/secrets/** => secret
  PUT|POST|PATCH|DELETE repos/*/*/environments/*/variables/** => secret
  PUT|POST|PATCH|DELETE orgs/*/actions/secrets/** => secret
  POST|DELETE repos/*/*/keys/** => deploy-key
  POST|PATCH|DELETE repos/*/*/hooks/** => hook
  POST|PATCH|DELETE orgs/*/hooks/** => hook
  POST orgs/*/repos => create-repository
  POST user/repos => create-repository
  POST repos/*/*/forks => create-repository
  POST repos/*/*/generate => create-repository
  POST|PATCH|PUT|DELETE gists/** => gist
  POST|PATCH|DELETE repos/*/*/releases/** => release
  POST repos/*/*/statuses/* => status
  POST|PATCH repos/*/*/check-runs/** => status
  POST|PATCH repos/*/*/check-suites/** => status
  POST|DELETE repos/*/*/deployments/** => deployment
  PUT repos/*/*/pulls/*/merge => merge
  POST|PATCH|DELETE repos/*/*/issues/comments/** => comment
  POST repos/*/*/issues/*/comments => comment
  POST|PATCH|DELETE repos/*/*/pulls/comments/** => comment
  POST repos/*/*/pulls/*/comments/** => comment
  POST|PUT|DELETE repos/*/*/pulls/*/reviews/** => comment
  POST|PATCH|DELETE repos/*/*/comments/** => comment
  POST repos/*/*/commits/*/comments => comment
  POST|PATCH|DELETE|PUT repos/*/*/issues/** => issue
  POST|PATCH|DELETE repos/*/*/labels/** => issue
  POST|PATCH|DELETE repos/*/*/milestones/** => issue
  POST|PATCH repos/*/*/pulls => pull-request
  PATCH repos/*/*/pulls/* => pull-request
  PUT repos/*/*/pulls/*/update-branch => pull-request
  POST|DELETE repos/*/*/pulls/*/requested_reviewers => pull-request
  # What it finds may be of any repository that the credential sees.
  GET|HEAD search/** => search
  POST markdown => read
  POST markdown/raw => read
`,
)
