import type { CheckoutFiles } from '../read/checkout-files.ts'
import { imageNeed } from '../migrate/commands/registries.ts'
import { need, unknownIn, unknownName } from '../migrate/commands/command.ts'
import type { Need, Packages } from '../migrate/model.ts'

/** Something that the project's own files say it uses. */
export interface Use {
  /** For people: "an npm registry". */
  readonly what: string
  /** The file that says so. */
  readonly where: string
  readonly needs: readonly Need[]
}

const maxFiles = 400

/** Registries, clouds and databases, as manifests and settings name them. Each file is read as text, within bounds; none is run. */
export function usesOf(files: CheckoutFiles, packages: Packages): Use[] {
  const paths = [
    ...files.list('.', 0),
    ...[
      'terraform',
      'infra',
      'infrastructure',
      'deploy',
      'db',
      'prisma',
      'migrations',
      'docker',
      '.mvn',
    ].flatMap((folder) => files.list(folder, 2)),
  ].slice(0, maxFiles)
  const read = (path: string): string => {
    const file = files.read(path)
    return file?.ok === true ? file.text.slice(0, 200_000) : ''
  }
  const found = paths.flatMap((path) =>
    finders.flatMap(({ name, find }) => (name.test(path) ? find(path, read) : [])),
  )
  return [...merged(found), ...publishing(packages)]
}

interface Finder {
  readonly name: RegExp
  readonly find: (path: string, read: (path: string) => string) => Use[]
}

const one = (what: string, where: string, ...needs: Need[]): Use => ({ what, where, needs })

const finders: readonly Finder[] = [
  {
    name: /^(?:package\.json)$/,
    find: (where, read) => {
      const url = httpsUrl(/^[ \t]{0,100}registry[ \t]{0,100}=[ \t]{0,100}(\S+)/m.exec(read('.npmrc'))?.[1])
      return [
        one('an npm registry', where, {
          ...need('npm', 'npm:install', false),
          ...(url === undefined ? {} : { url }),
        }),
      ]
    },
  },
  {
    name: /^(?:pyproject\.toml|setup\.py|requirements[\w.-]*\.txt|Pipfile|poetry\.lock|uv\.lock)$/,
    find: (where, read) => {
      const isLocked = /(?:lock)$/.test(where) || /--hash=sha256:/.test(read(where))
      return [one('a Python index', where, need('pypi', isLocked ? 'pypi:install' : 'pypi:resolve', false))]
    },
  },
  {
    name: /^Cargo\.toml$/,
    find: (where) => [one('a Cargo registry', where, need('crates', 'cargo:download', false))],
  },
  { name: /^go\.mod$/, find: (where) => [one('a Go module proxy', where, need('go', 'go:download', false))] },
  {
    name: /^(?:pom\.xml|build\.gradle(?:\.kts)?)$/,
    find: (where) => [one('a Maven repository', where, need('central', 'maven:resolve', false))],
  },
  {
    name: /^Gemfile$/,
    find: (where) => [one('a gem registry', where, need('gems', 'rubygems:install', false))],
  },
  {
    name: /(?:^|\/)(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$/,
    find: (where, read) => {
      const images = [...read(where).matchAll(/^FROM\s+(?:--platform=\S+\s+)?([\w./:@-]+)/gim)].map(
        ([, image]) => image ?? '',
      )
      const stages = new Set([...read(where).matchAll(/^FROM\s.*\sAS\s+(\S+)/gim)].map(([, name]) => name))
      const needs = images
        .filter((image) => image !== 'scratch' && !stages.has(image))
        .flatMap((image) => imageNeed(image, false))
      return needs.length === 0 ? [] : [one('base images', where, ...needs)]
    },
  },
  {
    name: /\.tf$/,
    find: (where, read) => {
      const text = read(where)
      return [
        ...(/provider\s+"aws"|hashicorp\/aws"/.test(text) ? [aws(where)] : []),
        ...(/provider\s+"google|hashicorp\/google"/.test(text) ? [gcp(where)] : []),
        ...(/provider\s+"azurerm"|hashicorp\/azurerm"/.test(text) ? [azure(where)] : []),
      ]
    },
  },
  { name: /^(?:cdk\.json|samconfig\.toml|serverless\.ya?ml|appspec\.ya?ml)$/, find: (where) => [aws(where)] },
  { name: /^(?:app\.ya?ml|\.gcloudignore|cloudbuild\.ya?ml|firebase\.json)$/, find: (where) => [gcp(where)] },
  { name: /^(?:azure\.ya?ml|host\.json)$/, find: (where) => [azure(where)] },
  {
    name: /(?:^|\/)(?:docker-)?compose(?:\.[\w-]+)?\.ya?ml$|^\.env\.(?:example|sample|template)$/,
    find: (where, read) => databasesIn(where, read(where)),
  },
  {
    name: /(?:^|\/)(?:schema\.prisma|alembic\.ini|flyway\.(?:conf|toml)|knexfile\.[jt]s|dbmate\.ya?ml|diesel\.toml|atlas\.hcl|liquibase\.properties)$/,
    find: (where, read) => {
      const isMysql = /mysql|mariadb/i.test(read(where)) && !/postgres/i.test(read(where))
      return [isMysql ? mysql(where) : postgres(where)]
    },
  },
]

function databasesIn(where: string, text: string): Use[] {
  return [
    ...(/image:\s*["']?(?:[\w.-]+\/)*postgres|=\s*["']?postgres(?:ql)?:\/\//.test(text)
      ? [postgres(where)]
      : []),
    ...(/image:\s*["']?(?:[\w.-]+\/)*(?:mysql|mariadb)|=\s*["']?mysql:\/\//.test(text) ? [mysql(where)] : []),
    ...(/image:\s*["']?(?:[\w.-]+\/)*redis|=\s*["']?rediss?:\/\//.test(text) ? [redis(where)] : []),
  ]
}

const aws = (where: string) => one('AWS', where, need('aws', 'aws:call', true, `s3:PutObject/${unknownName}`))
const gcp = (where: string) =>
  one('Google Cloud', where, need('gcp', 'gcp:call', true, `storage.objects.create/${unknownName}`))
const azure = (where: string) =>
  one(
    'Azure',
    where,
    need('azure', 'azure:call', true, 'microsoft.web/sites/write', `${unknownName}/${unknownName}`),
  )
const postgres = (where: string) =>
  one('PostgreSQL', where, need('database', 'postgres:ddl', true, unknownName))
const mysql = (where: string) => one('MySQL', where, need('mysql-database', 'mysql:ddl', true, unknownName))
const redis = (where: string) => one('Redis', where, need('cache', 'redis:write', true, `${unknownName}:*`))

/** What the checkout is the source of may be published from it. */
function publishing(packages: Packages): Use[] {
  const actions: Readonly<Record<string, readonly [connection: string, action: string]>> = {
    npm: ['npm', 'npm:publish'],
    pypi: ['pypi-upload', 'pypi:publish'],
    cargo: ['crates', 'cargo:publish'],
    rubygems: ['gems', 'rubygems:publish'],
    maven: ['maven-upload', 'maven:publish'],
  }
  return Object.entries(packages).flatMap(([kind, own]) => {
    const [connection, action] = actions[kind] ?? []
    if (connection === undefined || action === undefined || own.length === 0) return []
    const needs = own.map(({ name, versions }) =>
      need(
        connection,
        action,
        true,
        name === '' ? unknownIn(kind) : name,
        kind === 'npm' ? undefined : versions,
      ),
    )
    return [
      one(
        `packages to publish: ${own
          .map(({ name }) => name)
          .join(', ')
          .slice(0, 200)}`,
        'their manifests',
        ...needs,
      ),
    ]
  })
}

/** Of one thing that several files say, the first one tells. */
function merged(found: readonly Use[]): Use[] {
  const seen = new Map<string, Use>()
  for (const use of found) {
    const before = seen.get(use.what)
    seen.set(use.what, before === undefined ? use : { ...before, needs: [...before.needs, ...use.needs] })
  }
  return [...seen.values()]
}

function httpsUrl(text: string | undefined): string | undefined {
  return text !== undefined && /^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[\w./-]*)?$/.test(text)
    ? text.replace(/\/+$/, '')
    : undefined
}
