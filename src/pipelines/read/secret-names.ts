import type { CiName } from '../model.ts'

/** Words of a variable's name that say that its value is a secret. */
const secretWord =
  /(?:^|_)(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|SECRETS|CREDENTIAL|CREDENTIALS|CREDS|APIKEY|PAT|KUBECONFIG|KUBE_CONFIG|DOCKER_AUTH_CONFIG|PRIVATE_KEY|SIGNING_KEY|DEPLOY_KEY|ACCESS_KEY|API_KEY|AUTH_KEY|SSH_KEY|GPG_KEY|ENCRYPTION_KEY|MASTER_KEY|SERVICE_KEY|SERVICE_ACCOUNT_KEY|ACCESS_KEY_ID|WEBHOOK|WEBHOOK_URL|DATABASE_URL|DB_URL|CONNECTION_STRING|DSN)(?:_|$)/
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
