/** Variables of a job that say where and when it runs, and nothing that opens anything. */
const harmless: ReadonlySet<string> = new Set([
  ...[
    'CI',
    'COLORTERM',
    'FORCE_COLOR',
    'LANG',
    'LANGUAGE',
    'NO_COLOR',
    'NODE_ENV',
    'SOURCE_DATE_EPOCH',
    'TERM',
    'TZ',
  ],
  ...[
    'GITHUB_ACTIONS',
    'GITHUB_ACTOR',
    'GITHUB_API_URL',
    'GITHUB_BASE_REF',
    'GITHUB_EVENT_NAME',
    'GITHUB_HEAD_REF',
    'GITHUB_JOB',
  ],
  ...[
    'GITHUB_REF',
    'GITHUB_REF_NAME',
    'GITHUB_REF_PROTECTED',
    'GITHUB_REF_TYPE',
    'GITHUB_REPOSITORY',
    'GITHUB_REPOSITORY_ID',
  ],
  ...[
    'GITHUB_REPOSITORY_OWNER',
    'GITHUB_RUN_ATTEMPT',
    'GITHUB_RUN_ID',
    'GITHUB_RUN_NUMBER',
    'GITHUB_SERVER_URL',
    'GITHUB_SHA',
    'GITHUB_WORKFLOW',
  ],
  ...[
    'GITLAB_CI',
    'CI_BUILD_ID',
    'CI_COMMIT_BRANCH',
    'CI_COMMIT_REF_NAME',
    'CI_COMMIT_REF_SLUG',
    'CI_COMMIT_SHA',
    'CI_COMMIT_SHORT_SHA',
  ],
  ...[
    'CI_COMMIT_TAG',
    'CI_COMMIT_TITLE',
    'CI_DEFAULT_BRANCH',
    'CI_ENVIRONMENT_NAME',
    'CI_JOB_ID',
    'CI_JOB_NAME',
    'CI_JOB_STAGE',
  ],
  ...[
    'CI_MERGE_REQUEST_IID',
    'CI_PIPELINE_ID',
    'CI_PIPELINE_IID',
    'CI_PIPELINE_SOURCE',
    'CI_PROJECT_ID',
    'CI_PROJECT_NAME',
  ],
  ...['CI_PROJECT_NAMESPACE', 'CI_PROJECT_PATH', 'CI_PROJECT_URL', 'CI_SERVER_HOST', 'CI_SERVER_URL'],
  ...[
    'BUILDKITE',
    'BUILDKITE_BRANCH',
    'BUILDKITE_BUILD_NUMBER',
    'BUILDKITE_COMMIT',
    'BUILDKITE_PIPELINE_SLUG',
    'CIRCLECI',
    'CIRCLE_BRANCH',
    'CIRCLE_SHA1',
  ],
])

/** The locale's variables (locale(7)); any other name with LC_ in front is somebody's own. */
const locale =
  /^LC_(?:ALL|ADDRESS|COLLATE|CTYPE|IDENTIFICATION|MEASUREMENT|MESSAGES|MONETARY|NAME|NUMERIC|PAPER|TELEPHONE|TIME)$/

/**
 * With these a step could make or use identity tokens of its own, or act as an operator or as the CI's agent: not even
 * by name. Whatever `config/identity-source.ts` reads a token from, or asks with, is here.
 */
const never = new RegExp(
  `^(?:${[
    'ACTIONS_ID_TOKEN_REQUEST_.*',
    'ACTIONS_RUNTIME_.*',
    'MAYFLY_TOKEN',
    'MAYFLY_ID_TOKEN(?:_.*)?',
    // Of the run itself, by which it writes to its repository; a role says that, and the gateway has the credential.
    '(?:GITHUB|GITEA|FORGEJO)_TOKEN',
    'CI_JOB_(?:JWT|TOKEN).*',
    'CI_(?:REGISTRY|DEPENDENCY_PROXY)_PASSWORD',
    'CI_REPOSITORY_URL',
    'CIRCLE_OIDC_TOKEN.*',
    'CIRCLE_INTERNAL_.*',
    'BUILDKITE_AGENT_(?:ACCESS_TOKEN|TOKEN|JOB_API_.*)',
    'BITBUCKET_STEP_OIDC_TOKEN',
    'SYSTEM_(?:ACCESSTOKEN|OIDCREQUESTURI)',
    'SPACELIFT_OIDC_TOKEN',
    'TFC_WORKLOAD_IDENTITY_TOKEN.*',
  ].join('|')})$`,
  's',
)

export function isNeverHandedOn(name: string): boolean {
  return never.test(name)
}

/** Whether a variable says where and when the job runs, and so is handed on unasked. */
export function isHandedOn(name: string): boolean {
  return harmless.has(name) || locale.test(name)
}
