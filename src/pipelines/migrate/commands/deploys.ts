import { githubNeeds } from './github-api.ts'
import { gitlabNeeds } from './gitlab-api.ts'
import {
  asPattern,
  narrow,
  need,
  optionOf,
  plainWords,
  unknownName,
  type Family,
  wordsWithout,
} from './command.ts'
import type { Need } from '../model.ts'

export const deploys: readonly Family[] = [
  {
    programs: /^(?:aws)$/,
    reaches({ words }) {
      const [service = '', verb = ''] = plainWords(
        wordsWithout(words, '--region', '--profile', '--output', '--endpoint-url'),
      )
      const needs =
        service === 's3'
          ? s3Needs(words)
          : service === '' || verb === ''
            ? []
            : [awsNeed(service, verb, words)]
      return { needs: needs.map((one) => ({ ...one, ...placed(optionOf(words, '--profile')) })) }
    },
  },
  {
    programs: /^(?:gcloud|gsutil|bq)$/,
    reaches: ({ program, words }) => ({ needs: gcpNeeds(program, words) }),
  },
  {
    programs: /^az$/,
    reaches: () => ({
      needs: [need('azure', 'azure:read', false, 'microsoft.resources/subscriptions/read')],
    }),
  },
  {
    programs: /^kubectl$/,
    reaches({ words }) {
      const space = narrow(optionOf(words, '-n', '--namespace') ?? 'default')
      const [verb = '', what = ''] = plainWords(
        wordsWithout(words, '-n', '--namespace', '--context', '--kubeconfig'),
      )
      const isAsking = verb === 'rollout' && /^(?:status|history)$/.test(what)
      const action = /^(?:apply|create|replace)$/.test(verb)
        ? 'k8s:apply'
        : /^(?:set|patch|scale|rollout|annotate|label|delete)$/.test(verb) && !isAsking
          ? 'k8s:write'
          : 'k8s:read'
      return {
        needs: [
          need('cluster', action, action !== 'k8s:read', `apps/deployments/${space}/*`),
          ...(action === 'k8s:apply' ? [need('cluster', action, true, `core/services/${space}/*`)] : []),
        ].map((one) => ({ ...one, ...placed(optionOf(words, '--context', '--kubeconfig', '--server')) })),
      }
    },
  },
  {
    programs:
      /^(?:psql|pg_dump|pg_restore|flyway|liquibase|alembic|prisma|dbmate|atlas|sqlx|diesel|knex|typeorm)$/,
    reaches({ program, words }) {
      const action =
        program === 'pg_dump' ? 'postgres:read' : program === 'psql' ? 'postgres:write' : 'postgres:ddl'
      const isClient = program === 'psql' || program === 'pg_dump'
      const { where, name = isClient ? databaseIn(words) : undefined } = databaseAt('postgres', words)
      return { needs: [{ ...need('database', action, action !== 'postgres:read', narrow(name)), ...where }] }
    },
  },
  {
    programs: /^(?:mysql|mariadb|mysqldump)$/,
    reaches({ program, words }) {
      const isDump = program === 'mysqldump'
      const { where, name = databaseIn(words) } = databaseAt('mysql', words)
      const action = isDump ? 'mysql:read' : 'mysql:write'
      return { needs: [{ ...need('mysql-database', action, !isDump, narrow(name)), ...where }] }
    },
  },
  {
    programs: /^helm$/,
    reaches({ words }) {
      const space = narrow(optionOf(words, '-n', '--namespace') ?? 'default')
      const [verb = ''] = plainWords(wordsWithout(words, '-n', '--namespace', '--kube-context'))
      if (!/^(?:upgrade|install|uninstall|rollback)$/.test(verb)) return { needs: [] }
      // Helm keeps its releases in Secrets of the namespace.
      const places = [`apps/deployments/${space}/*`, `core/services/${space}/*`, `secrets/${space}/*`]
      const where = placed(optionOf(words, '--kube-context', '--kubeconfig'))
      return { needs: places.map((path) => ({ ...need('cluster', 'k8s:write', true, path), ...where })) }
    },
  },
  {
    // Providers and modules; those that are elsewhere the first denial names.
    programs: /^(?:terraform|tofu)$/,
    reaches: ({ program, words }) => ({
      needs: [],
      hosts: !words.includes('init')
        ? []
        : program === 'tofu'
          ? ['registry.opentofu.org:443']
          : ['registry.terraform.io:443', 'releases.hashicorp.com:443'],
    }),
  },
  {
    programs: /^redis-cli$/,
    reaches({ words }) {
      const { where } = databaseAt('redis', words)
      return { needs: [{ ...need('cache', 'redis:write', true, `${unknownName}:*`), ...where }] }
    },
  },
  {
    programs: /^(?:ssh|scp|rsync|sftp)$/,
    reaches({ program, words }) {
      const target = words.map(asPattern).find((word) => /^[\w.*-]+@[\w.*-]+(?::.*)?$/.test(word))
      const [, user = unknownName, host, path = ''] =
        /^([\w.-]+)@([\w.-]+)(?::(.*))?$/.exec(target ?? '') ?? []
      const computed = words.find((word) => /^[\w.$&{}-]*@?\$/.test(word))
      const url =
        host !== undefined && !host.includes('*')
          ? { url: `ssh://${host}` }
          : computed === undefined
            ? {}
            : { place: computed.split(':')[0] ?? '' }
      const isFile = program !== 'ssh'
      const at = words.findIndex((word) => word.includes('@'))
      const line = words.slice(at + 1).join(' ')
      const named = isFile
        ? program === 'rsync'
          ? need('host', 'ssh:exec', true, `${user}/rsync --server *`)
          : need(
              'host',
              'ssh:write',
              true,
              `${user}${path.startsWith('/') ? `${path.replace(/\/+$/, '')}/*` : `/home/${user}/*`}`,
            )
        : need('host', 'ssh:exec', true, `${user}/${/^[\w ./=:@,+-]+$/.test(line) ? line : unknownName}`)
      return { needs: [{ ...named, ...url }] }
    },
  },
  {
    programs: /^(?:curl|wget|http|https)$/,
    reaches({ words }, facts) {
      const asked = [...githubNeeds(words, facts), ...gitlabNeeds(words, facts)]
      if (asked.length > 0) return { needs: asked }
      const urls = words
        .map(asPattern)
        .flatMap((word) => /^https:\/\/([a-z0-9.-]+)(?::(\d+))?(\/[^?#]*)?/i.exec(word) ?? [])
      const [, host, port] = urls
      return { needs: [], hosts: host === undefined ? [] : [`${host.toLowerCase()}:${port ?? '443'}`] }
    },
  },
]

const databases = {
  postgres: {
    url: /^postgres(?:ql)?:\/\//,
    port: ['-p', '--port'],
    number: '5432',
    name: ['-d', '--dbname'],
  },
  mysql: { url: /^mysql:\/\//, port: ['-P', '--port'], number: '3306', name: ['-D', '--database'] },
  redis: { url: /^rediss?:\/\//, port: ['-p'], number: '6379', name: ['-n'] },
} as const

/** Where a client of a database goes by its words, and to which of the databases there. */
function databaseAt(
  kind: keyof typeof databases,
  words: readonly string[],
): { readonly where: Pick<Need, 'url' | 'place'>; readonly name: string | undefined } {
  const form = databases[kind]
  const named = words.find((word) => form.url.test(word.replace(/^--?\w+=/, '')))?.replace(/^--?\w+=/, '')
  const [, ofUrl, portOfUrl, nameOfUrl] =
    /^\w+:\/\/(?:[^@/]*@)?([^/:?]+)(?::(\d{1,5}))?(?:\/([\w-]+))?/.exec(named ?? '') ?? []
  const conninfo = words.find((word) => /(?:^|\s)host=/.test(word))
  const ofInfo = (key: string) => new RegExp(`(?:^|\\s)${key}=(\\S+)`).exec(conninfo ?? '')?.[1]
  const host = optionOf(words, '-h', '--host') ?? ofUrl ?? ofInfo('host')
  const port = optionOf(words, ...form.port) ?? portOfUrl ?? ofInfo('port') ?? ''
  const name = nameOfUrl ?? ofInfo('dbname') ?? optionOf(words, ...form.name)
  if (host !== undefined && /^[a-z0-9.-]+$/i.test(host))
    return {
      where: { url: `${kind}://${host.toLowerCase()}:${/^\d{1,5}$/.test(port) ? port : form.number}` },
      name,
    }
  const place = host ?? named ?? conninfo
  return { where: place === undefined ? {} : { place }, name }
}

function placed(place: string | undefined): Pick<Need, 'place'> {
  return place === undefined ? {} : { place }
}

/** `psql -h HOST shop`, `mysql -h HOST shop < FILE`: the first word that is no option, nor the value of one. */
function databaseIn(words: readonly string[]): string | undefined {
  const end = words.findIndex((word) => /^[0-9]?[<>]/.test(word))
  const [name] = plainWords(
    wordsWithout(
      end === -1 ? words : words.slice(0, end),
      ...[
        '-h',
        '-U',
        '-u',
        '-p',
        '-P',
        '-d',
        '-D',
        '-f',
        '-c',
        '-e',
        '-v',
        '-o',
        '-L',
        '-F',
        '-n',
        '-t',
        '-j',
      ],
      ...[
        '--host',
        '--username',
        '--user',
        '--port',
        '--file',
        '--command',
        '--execute',
        '--set',
        '--schema',
        '--table',
      ],
    ),
  )
  return name !== undefined && /^[\w-]+$/.test(name) ? name : undefined
}

function s3Needs(words: readonly string[]): Need[] {
  const [, verb = '', ...rest] = plainWords(words)
  const places = rest.filter((word) => word.startsWith('s3://'))
  const last = rest.filter((word) => !word.startsWith('-'))
  const isDelete = verb === 'rm' || words.includes('--delete') || verb === 'mv'
  return places.flatMap((place) => {
    const object = inBucket(place.slice('s3://'.length))
    const [bucket = ''] = object.split('/')
    const within =
      object.includes('/') && verb !== 'sync' && !object.endsWith('*')
        ? object
        : `${object.replace(/\*$/, '')}/*`.replace('//', '/')
    const isTarget = place === last.at(-1) || last.indexOf(place) > 0 || verb === 'rm'
    const writes = isTarget && verb !== 'ls' && verb !== 'rm'
    return [
      need('aws', 'aws:read', false, `s3:ListBucket/${bucket}`),
      ...(writes ? [need('aws', 'aws:call', true, `s3:PutObject/${within}`)] : []),
      ...(isDelete ? [need('aws', 'aws:call', true, `s3:DeleteObject/${within}`)] : []),
      ...(writes || verb === 'rm' ? [] : [need('aws', 'aws:read', false, `s3:GetObject/${within}`)]),
    ]
  })
}

/** `BUCKET/OBJECT` as a pattern; a bucket that a variable decides is not any bucket. */
function inBucket(place: string): string {
  const [bucket, ...object] = asPattern(place).replace(/\/+$/, '').split('/')
  return [narrow(bucket), ...object].join('/')
}

const resources = [
  '--function-name',
  '--bucket',
  '--cluster',
  '--distribution-id',
  '--stack-name',
  '--repository-name',
  '--queue-url',
  '--table-name',
  '--application-name',
  '--name',
  '--secret-id',
]

/** `ecs update-service` is ecs:UpdateService; what it is about, if an option says so. */
function awsNeed(service: string, verb: string, words: readonly string[]): Need {
  const action = verb.replaceAll(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  const isReading = /^(?:get|list|describe|wait)-?/.test(verb)
  const named = optionOf(words, ...resources)
  const beside = service === 'ecs' ? optionOf(words, '--service') : undefined
  const resource = beside === undefined ? narrow(named) : `${narrow(named)}/${narrow(beside)}`
  if (verb === 'wait') return need('aws', 'aws:read', false, `${service}:Describe*`)
  return need('aws', isReading ? 'aws:read' : 'aws:call', !isReading, `${service}:${action}/${resource}`)
}

function gcpNeeds(program: string, words: readonly string[]): Need[] {
  const plain = plainWords(words)
  const bucket = plain.map(asPattern).find((word) => word.startsWith('gs://'))
  if (bucket !== undefined) {
    const object = inBucket(bucket.slice('gs://'.length))
    const within = `${object.split('/')[0] ?? unknownName}/*`
    return [
      need('gcp', 'gcp:read', false, `storage.objects.list/${object.split('/')[0] ?? unknownName}`),
      need('gcp', 'gcp:call', true, `storage.objects.create/${within}`),
    ]
  }
  if (program === 'gcloud' && plain[0] === 'run' && plain[1] === 'deploy') {
    const region = narrow(optionOf(words, '--region'))
    return [
      need('gcp', 'gcp:call', true, `run.services.update/locations/${region}/services/${narrow(plain[2])}`),
    ]
  }
  // Of this machine alone: `gcloud auth configure-docker` is for docker, to which the gateway’s credential is none.
  if (program === 'gcloud' && /^(?:auth|config|components|info|version)$/.test(plain[0] ?? '')) return []
  return [need('gcp', 'gcp:read', false, 'resourcemanager.projects.get')]
}
