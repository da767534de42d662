import type { Replacement } from '../replace/replacement.ts'
import type { Way } from './model.ts'

/** What stands in a policy for what the pipeline does not say: it exists nowhere, so that whatever needs it fails. */
export const unknownHost = 'replace-me.invalid'

/** One connection of a first policy. */
export interface ConnectionTemplate {
  readonly kind: string
  /** Undefined: the kind says it itself. */
  readonly url?: string
  /** The kind of its credential, as mayfly.yaml writes it; undefined where it needs none. */
  readonly credential?: Way['credential'] | 'ssh-key' | 'authorization'
  /** What the secret holds, for whoever stores it. */
  readonly holds?: string
  /** Further keys, as YAML in one line each. */
  readonly more?: readonly string[]
  /** What whoever applies the policy has to fill in. */
  readonly fillIn?: readonly string[]
}

const zeros = '00000000-0000-0000-0000-000000000000'
/** Of no host: a key that nobody has the other half of. */
const noHostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`

/** By the name of the connection; its secret in the vault has the same name. */
const templates: Readonly<Record<string, ConnectionTemplate>> = {
  npm: { kind: 'npm', url: 'https://registry.npmjs.org', credential: 'bearer', holds: 'the token' },
  pypi: { kind: 'pypi', url: 'https://pypi.org', more: ['storage: [files.pythonhosted.org]'] },
  'pypi-upload': {
    kind: 'pypi',
    url: 'https://upload.pypi.org',
    credential: 'basic',
    holds: '__token__:TOKEN',
  },
  crates: {
    kind: 'cargo',
    url: 'https://index.crates.io',
    credential: 'authorization',
    holds: 'the token',
    more: ['storage: [static.crates.io]'],
  },
  central: { kind: 'maven', url: 'https://repo.maven.apache.org/maven2' },
  'maven-upload': {
    kind: 'maven',
    url: `https://${unknownHost}`,
    credential: 'basic',
    holds: 'USER:TOKEN',
    fillIn: ['url: the repository that is deployed to'],
  },
  gems: {
    kind: 'rubygems',
    url: 'https://rubygems.org',
    credential: 'authorization',
    holds: 'the API key',
    more: ['storage: [index.rubygems.org]'],
  },
  go: { kind: 'go', url: 'https://proxy.golang.org' },
  hub: {
    kind: 'oci',
    url: 'https://registry-1.docker.io',
    credential: 'basic',
    holds: 'USER:TOKEN',
    more: ['token_host: auth.docker.io', 'storage: [production.cloudflare.docker.com]'],
  },
  github: { kind: 'github', url: 'https://api.github.com', credential: 'bearer', holds: 'the token' },
  gitlab: { kind: 'gitlab', url: 'https://gitlab.com', credential: 'bearer', holds: 'the token' },
  aws: {
    kind: 'aws',
    credential: 'basic',
    holds:
      'ACCESS_KEY_ID:SECRET_ACCESS_KEY (better, without any key: credential: { aws-role: ... }, docs/deploy.md)',
    more: ['account: "000000000000"', 'regions: [us-east-1]'],
    fillIn: ['account: its twelve digits', 'regions: where the pipeline works'],
  },
  gcp: {
    kind: 'gcp',
    credential: 'bearer',
    holds: 'an access token (better, without any: credential: { gcp-service-account: ... }, docs/deploy.md)',
    more: ['project: replace-me'],
    fillIn: ['project: its id'],
  },
  azure: {
    kind: 'azure',
    credential: 'bearer',
    holds: 'an access token (better, without any: credential: { azure-app: ... }, docs/deploy.md)',
    more: [`tenant: ${zeros}`, `subscription: ${zeros}`],
    fillIn: ['tenant and subscription: their ids'],
  },
  cluster: {
    kind: 'kubernetes',
    url: `https://${unknownHost}:6443`,
    credential: 'bearer',
    holds: 'a token of the service account',
    fillIn: ['url: the API server; ca: its authority'],
  },
  database: {
    kind: 'postgres',
    url: `postgres://${unknownHost}:5432`,
    credential: 'basic',
    holds: 'USER:PASSWORD',
    fillIn: ['url: host and port; default_database: its name'],
  },
  'mysql-database': {
    kind: 'mysql',
    url: `mysql://${unknownHost}:3306`,
    credential: 'basic',
    holds: 'USER:PASSWORD',
    fillIn: ['url: host and port of the database'],
  },
  cache: {
    kind: 'redis',
    url: `redis://${unknownHost}:6379`,
    credential: 'basic',
    holds: 'USER:PASSWORD',
    fillIn: ['url: host and port'],
  },
  host: {
    kind: 'ssh',
    url: `ssh://${unknownHost}`,
    credential: 'ssh-key',
    holds: 'the private key',
    more: [`host_keys: ["${noHostKey}"]`],
    fillIn: [
      'url: the host',
      'host_keys: as `ssh-keyscan HOST` says them, held against what its operators say',
    ],
  },
}

/** A connection by its name: of the table, or a registry or API at this address. */
export function templateOf(name: string, url: string | undefined): ConnectionTemplate {
  const [, base = name] = /^(.+?)-\d+$/.exec(name) ?? []
  const known = templates[name] ?? templates[base]
  if (known !== undefined) return url === undefined || known.url === undefined ? known : elsewhere(known, url)
  if (name === 'git' || name.startsWith('git-'))
    return { kind: 'git', url: url ?? 'https://github.com', credential: 'basic', holds: 'USER:TOKEN' }
  if (/^(?:ghcr|quay|registry-|gitlab-registry)/.test(name))
    return { kind: 'oci', url: url ?? `https://${unknownHost}`, credential: 'basic', holds: 'USER:TOKEN' }
  return { kind: 'http', url: url ?? `https://${unknownHost}`, credential: 'bearer', holds: 'the token' }
}

const namedElsewhere = 'url: the one that the pipeline, or a file of the checkout, names'

/** With an address of its own it lacks the address no more, and has no files where everybody's are. */
function elsewhere(
  { fillIn = [], more = [], ...template }: ConnectionTemplate,
  url: string,
): ConnectionTemplate {
  const others = more.filter((line) => !line.startsWith('storage:'))
  const isNowhere = /\breplace-me(?:-\d+)?\.invalid\b/.test(url)
  const lacking = fillIn.some((one) => one.startsWith('url:')) ? fillIn : [namedElsewhere, ...fillIn]
  const left = isNowhere
    ? lacking
    : fillIn.flatMap((one) => (one.startsWith('url:') ? (one.split('; ')[1] ?? []) : one))
  return { ...template, url, fillIn: left, ...(others.length === 0 ? {} : { more: others }) }
}

/** Connections of which each takes the place of such a secret. The first is the one that a step has that says no more. */
const byReplacement: Readonly<Record<string, readonly string[]>> = {
  npm: ['npm'],
  pypi: ['pypi-upload'],
  cargo: ['crates'],
  rubygems: ['gems'],
  maven: ['maven-upload', 'central'],
  github: ['github', 'git', 'ghcr'],
  gitlab: ['gitlab', 'git', 'gitlab-registry'],
  git: ['git'],
  aws: ['aws'],
  gcp: ['gcp'],
  azure: ['azure'],
  kubernetes: ['cluster'],
  ssh: ['host', 'git'],
  postgres: ['database', 'mysql-database'],
  mysql: ['mysql-database'],
  redis: ['cache'],
}

export function connectionsFor({ id, connection }: Replacement): readonly string[] {
  const known = byReplacement[id]
  if (known !== undefined) return known
  return connection === 'http' ? [`api-${id}`] : []
}

/** Kinds whose tools Mayfly itself tells what they need: a variable that nobody names may go without anything in its place. */
const toldByMayfly = new Set([
  'npm',
  'pypi',
  'cargo',
  'rubygems',
  'gitlab',
  'github',
  'aws',
  'gcp',
  'azure',
  'kubernetes',
  'ssh',
])
/** Kinds whose secrets are files or keys, or sign what is sent: no word stands for them in a script. */
const withoutStandIn = new Set(['aws', 'gcp', 'azure', 'kubernetes', 'ssh'])

export const isTold = (id: string): boolean => toldByMayfly.has(id)
export const hasNoStandIn = (id: string): boolean => withoutStandIn.has(id)
