/** Where a job gets its CI's identity token from, or what to configure so that there is one. */
export type IdentitySource =
  /** The token itself, in this variable; made for whatever audience the CI was told. */
  | { readonly kind: 'variable'; readonly name: string; readonly token: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'github'; readonly url: string; readonly bearer: string }
  | { readonly kind: 'azure-devops'; readonly url: string; readonly bearer: string }
  | { readonly kind: 'google'; readonly host: string }
  | { readonly kind: 'buildkite' }
  /** `token` is the one for CircleCI's default audience, for where its program is missing. */
  | { readonly kind: 'circleci'; readonly token?: string }
  | { readonly kind: 'none'; readonly hint: string }

type Variables = Readonly<Record<string, string | undefined>>

/**
 * What the variables of a job offer. What a person set for Mayfly goes first, then what can be asked for our audience,
 * then the variables of CIs that hand out a finished token. Sources: each CI's documentation, see docs/issuers.md.
 */
export function readIdentitySource(env: Variables): IdentitySource {
  return (
    ofMayfly(env) ??
    ofEndpoint(env) ??
    ofProgram(env) ??
    ofVariable(env) ?? { kind: 'none', hint: hintFor(env) }
  )
}

function ofMayfly(env: Variables): IdentitySource | undefined {
  const path = env['MAYFLY_ID_TOKEN_FILE']
  const inVariable = variable(env, 'MAYFLY_ID_TOKEN')
  if (inVariable !== undefined || path === undefined || path === '') return inVariable
  return { kind: 'file', path }
}

function ofEndpoint(env: Variables): IdentitySource | undefined {
  const github = pair(env, 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN')
  if (github !== undefined) return { kind: 'github', ...github }
  const azure = pair(env, 'SYSTEM_OIDCREQUESTURI', 'SYSTEM_ACCESSTOKEN')
  if (azure !== undefined) return { kind: 'azure-devops', ...azure }
  // Cloud Build sets nothing that tells of it, and a network that is not Google's is not to be asked.
  const wanted = env['MAYFLY_ID_TOKEN_SOURCE'] ?? ''
  if (wanted === '') return undefined
  if (wanted !== 'google') return { kind: 'none', hint: 'MAYFLY_ID_TOKEN_SOURCE can only be `google`' }
  return { kind: 'google', host: env['GCE_METADATA_HOST'] ?? 'metadata.google.internal' }
}

function ofProgram(env: Variables): IdentitySource | undefined {
  if (env['BUILDKITE'] === 'true') return { kind: 'buildkite' }
  if (env['CIRCLECI'] !== 'true') return undefined
  const token = env['CIRCLE_OIDC_TOKEN_V2'] ?? ''
  return token === '' ? { kind: 'circleci' } : { kind: 'circleci', token }
}

function ofVariable(env: Variables): IdentitySource | undefined {
  const names = [
    'BITBUCKET_STEP_OIDC_TOKEN',
    'SPACELIFT_OIDC_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN_MAYFLY',
    'TFC_WORKLOAD_IDENTITY_TOKEN',
  ]
  for (const name of names) {
    const found = variable(env, name)
    if (found !== undefined) return found
  }
  return undefined
}

function variable(env: Variables, name: string): IdentitySource | undefined {
  const token = env[name] ?? ''
  return token === '' ? undefined : { kind: 'variable', name, token }
}

function pair(env: Variables, url: string, bearer: string): { url: string; bearer: string } | undefined {
  const [at = '', secret = ''] = [env[url], env[bearer]]
  return at === '' || secret === '' ? undefined : { url: at, bearer: secret }
}

/** A variable that tells the CI, and what its pipeline lacks. */
const hints: readonly (readonly [string, string])[] = [
  ['GITHUB_ACTIONS', 'give the job `permissions: id-token: write`'],
  ['GITLAB_CI', 'give the job `id_tokens: { MAYFLY_ID_TOKEN: { aud: URL of the Mayfly server } }`'],
  ['TF_BUILD', 'give the step `env: { SYSTEM_ACCESSTOKEN: $(System.AccessToken) }`'],
  ['BITBUCKET_BUILD_NUMBER', 'give the step `oidc: { audiences: [URL of the Mayfly server] }`'],
  ['TFC_RUN_ID', 'set the workspace variable TFC_WORKLOAD_IDENTITY_AUDIENCE_MAYFLY to the server’s URL'],
  ['JENKINS_URL', 'bind a credential “OpenID Connect id token” to the variable MAYFLY_ID_TOKEN'],
  [
    'KUBERNETES_SERVICE_HOST',
    'mount a projected service account token and set MAYFLY_ID_TOKEN_FILE to its path',
  ],
]

const anyHint =
  'on GitHub give the job `permissions: id-token: write`, on GitLab `id_tokens: MAYFLY_ID_TOKEN`, elsewhere set MAYFLY_ID_TOKEN or MAYFLY_ID_TOKEN_FILE; docs/issuers.md has every CI'

function hintFor(env: Variables): string {
  return hints.find(([name]) => (env[name] ?? '') !== '')?.[1] ?? anyHint
}
