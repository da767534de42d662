import { isJobToken, looksPlain, looksSecret } from '../read/secret-names.ts'
import type { PipelineFile, SecretReference } from '../model.ts'
import { clouds } from './clouds.ts'
import { registries } from './registries.ts'
import type { Known, Replacement } from './replacement.ts'
import { apis, services } from './services.ts'

/** What signs is not sent anywhere, and what is part of a path has no place where the gateway could add it. */
const irreplaceable: readonly Known[] = [
  {
    names: /(?:^|_)TELEGRAM_/,
    replacement: {
      id: 'telegram',
      what: 'a bot’s token of Telegram',
      how: 'no connection replaces it, since Telegram takes the token as a part of the path: send by a service of yours that has it, and reach that by a connection of kind http',
      revoke: '@BotFather',
    },
  },
  {
    names:
      /(?:^|_)(?:GPG|PGP|COSIGN|SIGNING|SIGN|CODESIGN|MACOS|APPLE|KEYSTORE|ANDROID_KEYSTORE|WINDOWS_CERT|CERTIFICATE|CERT|NOTARY|P12|MATCH)(?:_|$)|(?:^|_)P12$|SIGN(?:ING)?_(?:KEY|PASSWORD)/,
    uses: /^(?:crazy-max\/ghaction-import-gpg|apple-actions\/import-codesign-certs|sigstore\/cosign-installer)$/i,
    replacement: {
      id: 'signing',
      what: 'a key that signs',
      how: 'no connection replaces it, since the signature is made in the step; what Mayfly attests of a step is signed outside of it (docs/attestations.md), and a key in a key service (KMS) with a connection to it stays out of the CI',
      revoke: 'where the key is published',
    },
  },
]

const table: readonly Known[] = [...registries, ...clouds, ...services, ...apis, ...irreplaceable]

const anyApi: Replacement = {
  id: 'http',
  what: 'a secret',
  connection: 'http',
  credentials: ['bearer', 'basic', 'header', 'query'],
  grant: 'http:post NAME/PATH',
  how: 'if it is for an HTTP API, a connection of kind http adds it to the requests that the role grants, and the step runs inside `mayfly run` with any word in its place',
  revoke: 'where it was made',
}

/** As in the table: capitals and `_`. */
function canonical(name: string): string {
  return name
    .slice(0, 200)
    .replaceAll(/([a-z])([A-Z])|([0-9])(?=[A-Z][a-z])/g, (all) => `${all[0] ?? ''}_${all.slice(1)}`)
    .replaceAll(/[-./]/g, '_')
    .toUpperCase()
}

/**
 * What takes the place of a secret: by the action whose input it is, else by the variable that takes it, else by its own name. Undefined
 * of what the CI makes for one job, and of what is no secret by its name (a user, a host).
 */
export function replacementOf(file: PipelineFile, secret: SecretReference): Replacement | undefined {
  const { name, store, target = '' } = secret
  if (store === 'all' || isJobToken(file.ci, name)) return undefined
  if (store === 'variable' && isJobToken(file.ci, target)) return undefined
  if (store === 'credential' && file.ci === 'azure') return idReplacement(connections, target) ?? anyApi
  const uses = usesAt(file, secret)
  const byUse = table.find(
    (row) => uses !== undefined && row.uses?.test(uses) === true && (row.input?.test(target) ?? true),
  )
  const names = [canonical(target), canonical(name)].filter((one) => one !== '')
  if (names.some(looksPlain) && !isKey(names) && !fillsSecret(file, secret)) return undefined
  const byName = names.flatMap((one) => table.find((row) => row.names?.test(one) === true) ?? [])[0]
  const byId = store === 'credential' ? idReplacement(idWords, canonical(name)) : undefined
  return byUse?.replacement ?? byName?.replacement ?? byId ?? anyApi
}

/** Inputs of Azure's tasks that name a service connection, which has the credential. */
const connections: readonly [input: RegExp, id: string][] = [
  [/^(?:azureSubscription|connectedServiceName(?:ARM)?|azureResourceManagerConnection)$/i, 'azure'],
  [/registry|docker/i, 'oci'],
  [/kubernetes/i, 'kubernetes'],
  [/aws/i, 'aws'],
  [/ssh/i, 'ssh'],
  [/^publish(?:Endpoint)$/i, 'npm'],
  [/python/i, 'pypi'],
  [/nuget/i, 'nuget'],
  [/github/i, 'github'],
  [/sonar/i, 'sonar'],
]

/** Words in the ids that people give to entries of Jenkins' credential store. */
const idWords: readonly [word: RegExp, id: string][] = [
  [/AWS|ECR/, 'aws'],
  [/GCP|GCLOUD|GOOGLE/, 'gcp'],
  [/AZURE/, 'azure'],
  [/KUBE|K8S/, 'kubernetes'],
  [/SSH|DEPLOY_KEY/, 'ssh'],
  [/DOCKER|REGISTRY|HARBOR|QUAY/, 'oci'],
  [/NPM/, 'npm'],
  [/PYPI/, 'pypi'],
  [/NEXUS|SONATYPE|ARTIFACTORY|MAVEN|OSSRH/, 'maven'],
  [/SONAR/, 'sonar'],
  [/GITLAB/, 'gitlab'],
  [/GITHUB|^GH_/, 'github'],
  [/BITBUCKET|GIT/, 'git'],
  [/MYSQL|MARIA/, 'mysql'],
  [/POSTGRES|DATABASE|^DB_|_DB$/, 'postgres'],
]

function idReplacement(words: readonly [RegExp, string][], text: string): Replacement | undefined {
  const id = words.find(([pattern]) => pattern.test(text))?.[1]
  return table.find(({ replacement }) => replacement.id === id)?.replacement
}

/** Names of both, of which one says that it is plain and the other that it is none (`URL: DB_PASSWORD`). */
function isKey(names: readonly string[]): boolean {
  return names.some((one) => /(?:TOKEN|PASSWORD|SECRET|PRIVATE_KEY|CREDENTIALS|KUBECONFIG)/.test(one))
}

/** It alone is the value of a variable whose name says that it is a secret: `AWS_ACCESS_KEY_ID: $DEPLOY_ID`. */
function fillsSecret({ text }: PipelineFile, { span, target }: SecretReference): boolean {
  if (target === undefined || !looksSecret(target) || looksPlain(canonical(target))) return false
  const before = text.slice(text.lastIndexOf('\n', span.start - 1) + 1, span.start)
  const [after = ''] = text.slice(span.end, span.end + 200).split('\n')
  return (
    /(?:^|[\s{,])(?:value|[\w.-]+)["']?(?:\s*:\s+|=)["']?(?:\$\{\{\s*)?\$?$/.test(before) &&
    /^\s*(?:\}\})?["']?\s*(?:[#,}\s].*)?$/.test(after)
  )
}

/** The action, pipe or plugin in whose inputs the secret stands; of Jenkins and variables none. */
function usesAt({ jobs }: PipelineFile, { job, step, target }: SecretReference): string | undefined {
  if (target === undefined || job === undefined) return undefined
  const one = jobs.find(({ id }) => id === job)
  const uses = step === undefined ? one?.uses : one?.steps[step]?.uses
  const inputs = step === undefined ? one?.inputs : one?.steps[step]?.inputs
  return inputs?.some(({ key }) => key.value === target) === true ? uses?.name : undefined
}
