import type { Job, Permissions, PipelineFile } from '../model.ts'
import type { Found, PipelineRule } from './rule.ts'

const isActions = ({ ci, role }: PipelineFile) => ci === 'github' && role !== 'action'

export const broadPermissions: PipelineRule = {
  id: 'broad-permissions',
  title: 'A job’s own token may do more than the job needs.',
  why: 'The token of a run that somebody got hold of pushes to branches, publishes packages and approves pull requests until the run is over.',
  fix: 'Say permissions: {} for the workflow, and in each job the scopes that it uses.',
  severity: 'warning',
  check: (file) => (isActions(file) ? [...everything(file), ...shared(file), ...unsaid(file)] : []),
}

function everything({ permissions, jobs }: PipelineFile): Found[] {
  const all: (Permissions | undefined)[] = [permissions, ...jobs.map((job) => job.permissions)]
  return all.flatMap((one) =>
    one?.all === 'write'
      ? [
          {
            span: one.span,
            severity: 'error',
            message: 'write-all lets the token change everything in the repository',
          },
        ]
      : [],
  )
}

/** Scopes for every job, of which one alone may need them. */
function shared({ permissions, jobs }: PipelineFile): Found[] {
  const without = jobs.filter((job) => job.permissions === undefined)
  if (without.length < 2) return []
  return (permissions?.scopes ?? [])
    .filter(({ level, name }) => level === 'write' && name !== 'id-token')
    .map(({ name, span }) => ({
      span,
      message: `${name}: write is given to all ${without.length} jobs that say nothing else`,
    }))
}

const writes = /\bgit push\b|\bgh (?:release|pr|issue|api)\b|secrets\.GITHUB_TOKEN|github\.token/

function unsaid({ permissions, jobs, text }: PipelineFile): Found[] {
  if (permissions !== undefined) return []
  const [first] = jobs.filter((job) => job.permissions === undefined)
  if (first === undefined) return []
  return [
    {
      span: first.key,
      severity: writes.test(text) ? 'warning' : 'note',
      message:
        'no permissions are said: the token has whatever the repository’s settings give, often write to everything',
    },
  ]
}

/** What asks for an identity token, by the words of its step. */
const asksForToken =
  /ACTIONS_ID_TOKEN_REQUEST|\bmayfly\b|\bcosign\b|sigstore|slsa|--provenance|trusted|oidc|role-to-assume|workload_identity_provider|getIDToken|vault|attest|\bnpm publish\b|pnpm publish|changeset|gh-action-pypi-publish|uv publish|goreleaser|rubygems\/|configure-rubygems|crates-io-auth|azure\/login|aws-actions\/|google-github-actions\/auth|deploy-pages|codecov|octo-sts|scorecard|jfrog|nuget\/login/i

export const idleIdentityToken: PipelineRule = {
  id: 'idle-id-token',
  title: 'A job may ask for identity tokens, and nothing in it does.',
  why: 'Any step, a dependency’s install script among them, can get a token that says that it is this job, and use it where the job is trusted.',
  fix: 'Take id-token: write from the job, or from the workflow and give it to the job that uses it.',
  severity: 'warning',
  check: (file) => {
    if (!isActions(file)) return []
    const { permissions, jobs, text } = file
    const scope = permissions?.scopes.find(({ name, level }) => name === 'id-token' && level === 'write')
    const bare = jobs.filter((job) => job.permissions === undefined)
    const idle = bare.filter((job) => !mayAsk(job, text))
    const ofAll: Found[] =
      scope === undefined || idle.length === 0
        ? []
        : [
            {
              span: scope.span,
              message: `id-token: write is given to every job, and ${idle[0]?.id ?? ''} does not use it`,
            },
          ]
    const own = jobs.flatMap((job): Found[] => {
      const [token] = job.identityTokens
      if (token === undefined || mayAsk(job, text)) return []
      const unknown = job.steps.find(({ uses }) => uses !== undefined && !idleOwners.test(uses.name))?.uses
        ?.name
      const message = `nothing in the job ${job.id} asks for an identity token`
      if (unknown === undefined) return [{ span: token.span, message }]
      return [{ span: token.span, message: `${message}, unless ${unknown} does`, severity: 'note' }]
    })
    return [...ofAll, ...own]
  },
}

/** Whose actions ask for none, but for those above. */
const idleOwners =
  /^(?:actions|github|docker|pnpm|ruby|dtolnay|Swatinem|astral-sh|helm|hashicorp|softprops|golangci)\//

/** A called workflow or an action of the checkout is not looked into. */
function mayAsk({ span, steps, uses }: Job, text: string): boolean {
  const isHidden = uses !== undefined || steps.some((step) => step.uses?.pin === 'local')
  return isHidden || asksForToken.test(text.slice(span.start, span.end))
}
