import { MayflyError, Secret, isStartupVariable } from '../lib/index.ts'
import type { IssuerName } from '../kinds/index.ts'
import type { DeliverConfig } from '../config/index.ts'
import type { MintedCredentialConfig } from './credential.ts'
import { isBlock, valueInFile, valueInVariable } from './deliver-value.ts'

/** What a step is given of a credential: variables, and files of its home by their paths there. */
export interface Rendered {
  readonly env: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
}

/** What each issuer gives, by the names that texts may have in braces; of `http-issuer` the configuration says it. */
const fieldsOf: { readonly [Name in Exclude<IssuerName, 'http-issuer'>]: readonly string[] } = {
  'github-app': ['token', 'username', 'password'],
  'gitlab-token': ['token', 'username', 'password'],
  'registry-token': ['token'],
  'oauth-client': ['token'],
  'postgres-role': ['username', 'password'],
  'mysql-role': ['username', 'password'],
  'ssh-certificate': ['private_key', 'certificate', 'public_key'],
  'kubernetes-token': ['token'],
  'aws-role': ['access_key_id', 'secret_access_key', 'session_token'],
  'gcp-service-account': ['token'],
  'azure-app': ['token'],
}

/** Not the issuer's: where the files are, and base64 of `username:password` (RFC 7617), as configurations of Docker want it. */
const home = 'home'
const basic = 'basic'

const placeholder = /\{([a-z][a-z0-9_]*)\}/g
const maxVariables = 30
const maxFiles = 20

/** Why this cannot be handed to a step, in one line; undefined if it can. */
export function deliverProblem(
  { env, files }: DeliverConfig,
  credential: MintedCredentialConfig,
): string | undefined {
  const known = namesOf(credential)
  const names = Object.keys(env)
  const paths = Object.keys(files)
  if (names.length > maxVariables || paths.length > maxFiles)
    return `deliver has at most ${maxVariables} variables and ${maxFiles} files`
  const badName = names.find((name) => !isForCredentials(name))
  if (badName !== undefined)
    return `deliver.env: a step's ${badName} decides how its programs start or what Mayfly has set up; name the variable as tools name credentials (..._TOKEN, ..._PASSWORD, PGUSER)`
  for (const path of paths) {
    const why = pathProblem(path, paths)
    if (why !== undefined) return `deliver.files: ${path} ${why}`
  }
  for (const text of [...Object.values(env), ...Object.values(files)])
    for (const [, name = ''] of text.matchAll(placeholder))
      if (!known.includes(name))
        return `deliver: ${credential.scheme} gives no {${name}}; it gives ${known.map((one) => `{${one}}`).join(', ')}`
  return undefined
}

function namesOf({ scheme, config }: MintedCredentialConfig): string[] {
  const given =
    scheme === 'http-issuer'
      ? Object.keys(config.extract).filter((name) => !['id', 'expires_in', 'expires_at'].includes(name))
      : fieldsOf[scheme]
  const pair = given.includes('username') && given.includes('password') ? [basic] : []
  return [...given, ...pair, home]
}

/** Names by which tools know credentials, though others of the same tool start programs (`AWS_CONFIG_FILE`, `PGSERVICEFILE`). */
const ofCredentials =
  /_(?:TOKEN|PASSWORD|PASSWD|PWD|PASSPHRASE|USERNAME|USER|API_KEY|ACCESS_KEY|ACCESS_KEY_ID|SECRET_KEY)$/
const ofTools =
  /^(?:PG(?:USER|PASSWORD|PASSFILE|HOST|PORT|DATABASE|SSLMODE)|AWS_SHARED_CREDENTIALS_FILE|DOCKER_AUTH_CONFIG|REGISTRY_AUTH_FILE|GOOGLE_APPLICATION_CREDENTIALS|KUBECONFIG|VAULT_ADDR|TF_TOKEN_\w+)$/
/** The loader's, Git's, the shell's, the CI's own and ours: whatever they end with. */
const ofOthers =
  /^(?:LD_|DYLD_|GIT_|BASH_|MAYFLY_|ACTIONS_|RUNNER_|SUDO_|XDG_)|^(?:USER|LOGNAME|PWD|OLDPWD)$/i
/** Files that a tool runs, or reads as commands and settings (`PSQLRC`, `INPUTRC`, `PGSERVICEFILE`, `MYSQL_TEST_LOGIN_FILE`). */
const ofCommands = /^(?!NETRC$)(?:.*RC|PG(?:SERVICE|SERVICEFILE|SYSCONFDIR)|PSQL_.*|MYSQL_TEST_LOGIN_FILE)$/i

function isForCredentials(name: string): boolean {
  if (ofOthers.test(name) || ofCommands.test(name)) return false
  return ofCredentials.test(name) || ofTools.test(name) || !isStartupVariable(name)
}

/**
 * Files of a home whose name begins with a dot are read by tools that nobody started for them, many as code or as settings that
 * start some: of these only the known places of credentials. A list of what is dangerous would not end.
 */
const hiddenFiles = [
  /^\.(?:git-credentials|my\.cnf|netrc|npmrc|pgpass|pypirc|vault-token)$/,
  /^\.aws\/credentials$/,
  /^\.cargo\/credentials(?:\.toml)?$/,
  /^\.config\/(?:containers\/auth\.json|gh\/hosts\.yml|gcloud\/[A-Za-z0-9_-]+\.json)$/,
  /^\.docker\/config\.json$/,
  /^\.gem\/credentials$/,
  /^\.kube\/config$/,
  /^\.m2\/settings\.xml$/,
  /^\.ssh\/(?:id_[a-z0-9_]+(?:-cert)?(?:\.pub)?|known_hosts)$/,
  /^\.terraform\.d\/credentials\.tfrc\.json$/,
]

function pathProblem(path: string, all: readonly string[]): string | undefined {
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    return 'is no plain path: no empty, `.` or `..` parts'
  if (parts.some((part) => part.startsWith('.')) && !hiddenFiles.some((one) => one.test(path)))
    return 'is no place where tools keep credentials, and what else begins with a dot may be read as code: choose a name without one, and tell the tool by {home}'
  return all.some((other) => other.startsWith(`${path}/`)) ? 'is a folder of another file' : undefined
}

/** The texts with what the issuer gave. Throws `credential_failed` for what would not stay the one value that it stands for. */
export function renderDelivery(
  connection: { readonly name: string; readonly deliver: DeliverConfig },
  given: Readonly<Record<string, Secret>>,
  homeFolder: string,
): Secret<Rendered> {
  const values = new Map(Object.entries(allFields(given)).map(([name, one]) => [name, one.reveal()]))
  for (const [name, value] of values) refuseOdd(connection.name, name, value)
  const fill = (
    text: string,
    place: string,
    stands: (value: string) => { value: string } | { why: string },
  ) =>
    text.replaceAll(placeholder, (_all, name: string) => {
      if (name === home) return homeFolder
      const value = values.get(name)
      if (value === undefined)
        throw new MayflyError(
          'credential_failed',
          `connection "${connection.name}": its issuer gave no {${name}}`,
        )
      const standing = stands(value)
      if ('value' in standing) return standing.value
      throw new MayflyError(
        'credential_failed',
        `connection "${connection.name}": the {${name}} that its issuer gave for ${place} ${standing.why}`,
      )
    })
  const { env, files } = connection.deliver
  return new Secret({
    env: Object.fromEntries(
      Object.entries(env).map(([name, text]) => [
        name,
        fill(text, name, (value) => valueInVariable(text, value)),
      ]),
    ),
    files: Object.fromEntries(
      Object.entries(files).map(([path, text]) => [
        path,
        fill(text, path, (value) => valueInFile(path, text, value)),
      ]),
    ),
  })
}

/** What the issuer gave, and what follows from it: all of it is to be masked. */
export function allFields(given: Readonly<Record<string, Secret>>): Record<string, Secret> {
  const { username, password } = given
  if (username === undefined || password === undefined) return { ...given }
  const pair = Buffer.from(`${username.reveal()}:${password.reveal()}`).toString('base64')
  return { ...given, [basic]: new Secret(pair) }
}

/** A line break in a token would begin another setting in a file, or another variable. */
function refuseOdd(connection: string, name: string, value: string): void {
  const isPlain = !/\p{Cc}/u.test(value) || isBlock(value)
  if (isPlain && value !== '') return
  throw new MayflyError(
    'credential_failed',
    `connection "${connection}": the {${name}} that its issuer gave ${value === '' ? 'is empty' : 'has control characters'}, and is not handed on`,
  )
}
