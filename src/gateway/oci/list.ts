import { limits } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { queryText } from '../../images/index.ts'
import { answer, answerError, passFailure, refuse } from './answer.ts'
import type { Job } from './job.ts'
import { linkOf } from './link.ts'
import { operationOn, pullScope } from './permission.ts'
import { followed } from './places.ts'
import type { Route } from './route.ts'

type Lists = Extract<Route, { kind: 'tags' | 'catalog' }>

/** The tags of a repository, or the repositories of the registry: names, and nothing else of what it answers. */
export async function list(job: Job, route: Lists): Promise<void> {
  const { exchange } = job
  const { connection } = exchange
  const operation =
    route.kind === 'tags'
      ? operationOn(job, 'oci:list', route.repository)
      : operationOn(job, 'oci:catalog', '')
  const permit = await exchange.permit(operation, {})
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  const scope = route.kind === 'tags' ? pullScope(route.repository) : 'registry:catalog:*'
  const upstream = await followed(job, permit, [scope], {
    method: 'GET',
    path: `${exchange.path}${queryText(route.query)}`,
    accept: 'application/json',
  })
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  const names = namesIn(await exchange.read(upstream, limits.manifestBytes), route.kind)
  if (names === undefined) return refuse(exchange, `the list of connection "${connection.name}" is none`, 502)
  const body = route.kind === 'tags' ? { name: route.repository, tags: names } : { repositories: names }
  const headers = { 'content-type': 'application/json', link: linkOf(job, upstream) }
  answer(exchange, 200, headers, Buffer.from(JSON.stringify(body)))
}

function namesIn(body: Buffer | undefined, kind: Lists['kind']): string[] | undefined {
  const { path, ref } = kinds.oci
  try {
    const answered = JSON.parse(body?.toString('utf8') ?? '') as Record<string, unknown>
    const names = (kind === 'tags' ? answered['tags'] : answered['repositories']) ?? []
    if (!Array.isArray(names)) return undefined
    const { form } = kind === 'tags' ? ref : path
    return names.filter((name): name is string => typeof name === 'string' && name !== '' && form.is(name))
  } catch {
    return undefined
  }
}
