import { isHandedOn } from '../../lib/index.ts'

/** What the name of a variable, or of a key within its value, says about the value. */
export type Meaning =
  /** A secret, unless it is a word that says how something is done. */
  | 'secret'
  /** A secret if the value looks like one: `TOKEN_ID`, or a name that the job hands on and nobody knows. */
  | 'unsure'
  /** None, unless the value has the shape of a known kind of credential. */
  | 'other'

const secretWords =
  /token|secret|passw|passphrase|(?:^|[_.-])pass(?:$|[_.-])|(?:^|[_.-])pwd$|^pwd$|credential|api[_.-]?key|access[_.-]?key|account[_.-]?key|private|(?:^|[_.-])key(?:[_.-]data)?$|^key[_.-]|auth|cookie|session|dsn|connection[_.-]?string|webhook|signature|(?:^|[_.-])sig$|(?:^|[_.-])(?:jwt|otp|totp|pat|salt|pepper|kubeconfig)$/i

// `auth` in AUTHOR, `key` in KEYBOARD.
const innocentWords =
  /co?-?authors?(?:ed)?|authors?|authorit(?:y|ies)|private[_.-]repo(?:sitory)?|known[_.-]?hosts|public[_.-]?keys?|cache[_.-]?keys?|tokenizers?|secretar(?:y|ies)|key(?:board|words?|maps?|stores?|cloak|rings?|vault)|passive|passed|pass[_.-]?rate/gi

/** It says something about a secret and is seldom one itself. */
const aspect =
  /[_.-](?:id|ids|type|mode|method|kind|name|user|username|email|enabled|disabled|required|ttl|expir(?:y|es|ation)(?:[_.-](?:in|at))?|length|count|alg(?:orithm)?|provider|issuer|audience|scopes?|class|format|version|size|age|max[_.-]age|timeout|duration|policy|headers?|prefix|role|realm|region|permissions?|strategy|backend|manager|fingerprint|desktop|seat|vtnr|protected|bus[_.-]address)$/i

const innocentNames =
  /^(?:PWD|OLDPWD|SSH_AUTH_SOCK|XAUTHORITY|GPG_KEY|DESKTOP_SESSION|SESSION_MANAGER|SESSIONNAME|XDG_SESSION_.*|DBUS_SESSION_BUS_ADDRESS)$/

export function meaningOf(name: string): Meaning {
  return meaningOfWords(name.replaceAll(/([a-z\d])([A-Z])(?=[a-z])/g, '$1_$2'))
}

function meaningOfWords(name: string): Meaning {
  if (innocentNames.test(name)) return 'other'
  if (!secretWords.test(name.replaceAll(innocentWords, ''))) return 'other'
  return aspect.test(name) ? 'unsure' : 'secret'
}

/** A commit, a digest: looks like a key and is none. */
export function namesDigest(name: string): boolean {
  return /sha(?:1|256|512)?$|commit|digest|revision|checksum|hash(?:es)?$|etag|integrity|(?:^|[_.-])(?:ref|rev|id|uid|uuid|guid)$/i.test(
    name,
  )
}

export function namesWebhook(name: string): boolean {
  return /webhook|dsn/i.test(name)
}

export function namesHost(name: string): boolean {
  return /[_.-](?:host|hostname|domain|server|registry|endpoint)$/i.test(name)
}

const secretIn = '(?!.*(?:TOKEN|PASSW|SECRET|PRIVATE|CREDENTIAL))'

/** Variables that are not handed on and known to be no secrets: folders, agents, people, pages of the CI. */
const known = new RegExp(
  `^(?:${[
    'HOME|PATH|PWD|OLDPWD|USER|USERNAME|LOGNAME|HOSTNAME|SHELL|SHLVL|_|TMPDIR|EDITOR|PAGER|DISPLAY',
    'GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)',
    'GITHUB_(?:ACTOR_ID|TRIGGERING_ACTOR|WORKFLOW_REF|WORKFLOW_SHA|WORKSPACE|ACTION|ACTION_REF|ACTION_REPOSITORY)',
    'GITHUB_(?:EVENT_PATH|ENV|PATH|OUTPUT|STATE|STEP_SUMMARY|GRAPHQL_URL|RETENTION_DAYS|REPOSITORY_OWNER_ID)',
    'RUNNER_(?:OS|ARCH|NAME|ENVIRONMENT|TEMP|TOOL_CACHE|WORKSPACE|DEBUG|TRACKING_ID)',
    `CI_(?:COMMIT|PIPELINE|PROJECT|MERGE_REQUEST|RUNNER|SERVER|PAGES|API|CONCURRENT|NODE|EXTERNAL)_${secretIn}.*`,
    'CI_(?:REGISTRY|REGISTRY_IMAGE|REGISTRY_USER|DEPLOY_USER|BUILDS_DIR|TEMPLATE_REGISTRY_HOST)',
    'CI_DEPENDENCY_PROXY_(?:SERVER|USER|.*PREFIX)|CI_(?:JOB|ENVIRONMENT)_(?:URL|IMAGE|STARTED_AT|TIMEOUT|ACTION|SLUG|TIER)',
    'GITLAB_USER_(?:ID|LOGIN|NAME|EMAIL)|GITLAB_FEATURES',
    `BUILDKITE_(?:BUILD|PIPELINE|ORGANIZATION|REPO|JOB|STEP|LABEL|SOURCE|TAG|PULL_REQUEST|MESSAGE)${secretIn}.*`,
    `BUILDKITE_AGENT_(?:NAME|ID|META_DATA)${secretIn}.*`,
  ].join('|')})$`,
)

/** Whether the values of this variable are no secrets, under another name either. */
export function isHarmless(name: string): boolean {
  return isHandedOn(name) || known.test(name)
}
