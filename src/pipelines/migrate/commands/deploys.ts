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
      if (service === 's3') return { needs: s3Needs(words) }
      return { needs: service === '' || verb === '' ? [] : [awsNeed(service, verb, words)] }
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
        ],
      }
    },
  },
  {
    programs:
      /^(?:psql|pg_dump|pg_restore|flyway|liquibase|alembic|prisma|dbmate|atlas|sqlx|diesel|knex|typeorm)$/,
    reaches({ program, words }) {
      const action =
        program === 'pg_dump' ? 'postgres:read' : program === 'psql' ? 'postgres:write' : 'postgres:ddl'
      const database = narrow(optionOf(words, '-d', '--dbname'))
      const host = optionOf(words, '-h', '--host')
      const port = optionOf(words, '-p', '--port') ?? ''
      const where =
        host !== undefined && /^[a-z0-9.-]+$/i.test(host)
          ? { url: `postgres://${host}:${/^\d{1,5}$/.test(port) ? port : '5432'}` }
          : {}
      return { needs: [{ ...need('database', action, action !== 'postgres:read', database), ...where }] }
    },
  },
  {
    programs: /^(?:mysql|mariadb|mysqldump)$/,
    reaches({ program }) {
      const isDump = program === 'mysqldump'
      return { needs: [need('database', isDump ? 'mysql:read' : 'mysql:write', !isDump, unknownName)] }
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
      return { needs: places.map((path) => need('cluster', 'k8s:write', true, path)) }
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
    reaches: () => ({ needs: [need('cache', 'redis:write', true, `${unknownName}:*`)] }),
  },
  {
    programs: /^(?:ssh|scp|rsync|sftp)$/,
    reaches({ program, words }) {
      const target = words.map(asPattern).find((word) => /^[\w.*-]+@[\w.*-]+(?::.*)?$/.test(word))
      const [, user = unknownName, host, path = ''] =
        /^([\w.-]+)@([\w.-]+)(?::(.*))?$/.exec(target ?? '') ?? []
      const url = host === undefined ? {} : { url: `ssh://${host}` }
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

function s3Needs(words: readonly string[]): Need[] {
  const [, verb = '', ...rest] = plainWords(words)
  const places = rest.filter((word) => word.startsWith('s3://'))
  const last = rest.filter((word) => !word.startsWith('-'))
  const isDelete = verb === 'rm' || words.includes('--delete') || verb === 'mv'
  return places.flatMap((place) => {
    const object = narrow(place.slice('s3://'.length)).replace(/\/+$/, '')
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
    const object = narrow(bucket.slice('gs://'.length)).replace(/\/+$/, '')
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
  return [need('gcp', 'gcp:read', false, 'resourcemanager.projects.get')]
}
