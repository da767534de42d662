import type { CiName } from '../model.ts'

/** Words of a variable's name that say that its value is a secret. */
const secretWord =
  /(?:^|_)(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|SECRETS|CREDENTIAL|CREDENTIALS|CREDS|APIKEY|PAT|KUBECONFIG|KUBE_CONFIG|DOCKER_AUTH_CONFIG|PRIVATE_KEY|SIGNING_KEY|DEPLOY_KEY|ACCESS_KEY|API_KEY|AUTH_KEY|SSH_KEY|GPG_KEY|ENCRYPTION_KEY|MASTER_KEY|SERVICE_KEY|SERVICE_ACCOUNT_KEY|ACCESS_KEY_ID|WEBHOOK|WEBHOOK_URL|DATABASE_URL|DB_URL|CONNECTION_STRING|DSN|PGPASSWORD|PGPASS|SSHPASS|REDISCLI_AUTH|NPM_AUTH|NPMRC|ID_RSA)(?:_|$)/
/** What has such a word and is none: how many, where, which. */
const notSecret =
  /(?:_(?:FILE|PATH|NAME|URL|URI|ENDPOINT|LENGTH|COUNT|TYPE|TTL|ID|USER|USERNAME|VERSION|STORE|ALGORITHM|ISSUER|AUDIENCE|DIR|ENABLED|HOST))$/
const butSecret = /(?:ACCESS_KEY_ID|WEBHOOK_URL|DATABASE_URL|DB_URL)$/

/** Does the name of a variable say that its value is a secret? */
export function looksSecret(name: string): boolean {
  // The folder that a shell is in.
  if (name === 'PWD' || name === 'OLDPWD') return false
  // `npmToken` and `npm-token` say it as NPM_TOKEN does.
  const words = name
    .slice(0, 200)
    .replaceAll(/([a-z])([A-Z])|([0-9])(?=[A-Z][a-z])/g, (all) => `${all[0] ?? ''}_${all.slice(1)}`)
    .replaceAll(/[-.\s]/g, '_')
    .toUpperCase()
  return secretWord.test(words) && (!notSecret.test(words) || butSecret.test(words))
}

/** Configuration that people keep among secrets: names, hosts, numbers. It goes where its secret goes. */
const plain =
  /(?:^|_)(?:USER|USERS|USERNAME|LOGIN|DEBUG|LICENSE|LICENCE|CA_CERT|CA|HOST|HOSTNAME|IP|PORT|REGION|NAME|EMAIL|MAIL|ORG|ACCOUNT|ACCOUNT_ID|PROJECT|PROJECT_ID|TENANT|TENANT_ID|CLIENT_ID|SUBSCRIPTION_ID|APP_ID|ID|URL|URI|ENDPOINT|BUCKET|DOMAIN|SERVER|REGISTRY|PATH|BRANCH|REPO|REPOSITORY)$/
const secretAll = /(?:WEBHOOK|DATABASE|DB|REDIS|MYSQL|POSTGRES|PG|SLACK)_(?:\w+_)?URL$|ACCESS_KEY_ID$/

/** Does a name, in capitals and with `_`, say that its value is no secret? */
export function looksPlain(name: string): boolean {
  return plain.test(name) && !secretAll.test(name)
}

/** What CIs say of a run by themselves (GitLab, Buildkite, CircleCI, Bitbucket, Azure). */
const ofTheRun =
  /^(?:CI|CI_\w+|GITLAB_(?:CI|FEATURES|USER_\w+)|BUILDKITE(?:_\w+)?|CIRCLE(?:CI|_\w+)|BITBUCKET_\w+|RUNNER_\w+|(?:BUILD|SYSTEM|AGENT|PIPELINE|ENVIRONMENT|RELEASE|RESOURCES)\.[\w.]+)$/i

/** Is it a variable that a CI sets for each run? */
export function isOfTheRun(name: string): boolean {
  return ofTheRun.test(name)
}

/** Variables whose value is the path of a file with the secret. */
const paths = new Set([
  'KUBECONFIG',
  'GOOGLE_APPLICATION_CREDENTIALS',
  'DOCKER_CONFIG',
  'NPM_CONFIG_USERCONFIG',
])

export function namesFile(name: string): boolean {
  return paths.has(name)
}

/** Made by the CI for one job, and worthless after it. Its name is its CI's own: elsewhere GITHUB_TOKEN is what somebody made and keeps. */
const jobTokens = new Set([
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
  'CI_JOB_TOKEN',
  'CI_BUILD_TOKEN',
  'CI_JOB_JWT',
  'CI_JOB_JWT_V1',
  'CI_JOB_JWT_V2',
  'CI_REGISTRY_PASSWORD',
  'CI_DEPENDENCY_PROXY_PASSWORD',
  'SYSTEM_ACCESSTOKEN',
  'SYSTEM.ACCESSTOKEN',
  'BUILDKITE_AGENT_ACCESS_TOKEN',
  'CIRCLE_OIDC_TOKEN',
  'CIRCLE_OIDC_TOKEN_V2',
  'BITBUCKET_STEP_OIDC_TOKEN',
])

/** As GitHub's runner and those after it call theirs. */
const forgeTokens = new Set(['GITHUB_TOKEN', 'GITEA_TOKEN', 'FORGEJO_TOKEN'])
const forges: readonly CiName[] = ['github', 'forgejo']

export function isJobToken(ci: CiName, name: string): boolean {
  const key = name.toUpperCase()
  return jobTokens.has(key) || (forgeTokens.has(key) && forges.includes(ci))
}
