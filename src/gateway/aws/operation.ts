import type { IncomingHttpHeaders } from 'node:http'
import { isAwsReading } from '../../kinds/index.ts'
import { named, type Called, type Reading } from './called.ts'
import type { Endpoint } from './endpoint.ts'
import { formMembers, jsonMembers, type Members } from './members.ts'
import { joined, shortName, type Home } from './names.ts'
import type { Pair } from './sigv4.ts'
import { serviceOfTarget, tables, type Rule } from './tables.ts'
import { readQuery, type Target } from './target.ts'

interface Asked {
  readonly endpoint: Endpoint
  readonly method: string
  readonly target: Target
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly home: Home
}

/**
 * What a request does that is not S3's: by `X-Amz-Target` (JSON), by `Action` of a form or query, by a table of paths, by the path
 * of Smithy's RPC, else by method and path. A request that says it in two ways is refused: which one counts the service decides.
 */
export function readOperation(asked: Asked): Reading | string {
  const { headers, target, body } = asked
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const isForm = type === 'application/x-www-form-urlencoded'
  const form = isForm ? readForm(body) : []
  if (typeof form === 'string') return form
  if (headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here: disable_request_compression = true in the tool’s profile'
  const actions = [...target.query, ...form].flatMap(([name, value = '']) =>
    name === 'Action' ? [value] : [],
  )
  const operation = headers['x-amz-target']
  const rpc = /^\/service\/[A-Za-z0-9_]+\/operation\/([A-Za-z][A-Za-z0-9]{0,99})$/.exec(target.path)
  if (typeof operation === 'string') {
    if (isForm || actions.length > 0 || rpc !== null) return twice
    return byTarget(operation, asked)
  }
  if (rpc !== null) return actions.length > 0 || isForm ? twice : of(rpc[1] ?? '', asked, () => [])
  if (actions.length > 0) {
    if (actions.length > 1 || target.path !== '/') return twice
    return of(actions[0] ?? '', asked, formMembers([...target.query, ...form]))
  }
  return byPath(asked)
}

const twice = 'it names more than one operation'

/** A form; `+` is a space there. */
function readForm(body: Buffer): Pair[] | string {
  const text = body.toString('latin1').trim()
  const form = readQuery(text.replaceAll('+', '%20'))
  if (typeof form === 'string') return form.replace('its query', 'its form')
  const names = form.map(([name]) => name)
  return new Set(names).size === names.length ? form : 'its form names a parameter twice'
}

function byTarget(text: string, asked: Asked): Reading | string {
  const { service } = asked.endpoint
  const [, prefix = '', action = ''] =
    /^([A-Za-z0-9_.]{1,100})\.([A-Za-z][A-Za-z0-9]{0,99})$/.exec(text) ?? []
  if (action === '') return 'its X-Amz-Target names no operation'
  const owner = serviceOfTarget.get(prefix)
  if (owner !== undefined && owner !== service)
    return `it is signed for ${service}, and names an operation of ${owner}`
  const members = jsonMembers(asked.body)
  return typeof members === 'string' ? members : of(action, asked, members)
}

/** One that has a name, in the query protocol or JSON. */
function of(action: string, { endpoint, home }: Asked, members: Members): Reading | string {
  if (!/^[A-Za-z][A-Za-z0-9]{0,99}$/.test(action)) return 'it names no operation'
  const { service } = endpoint
  const rules = endpoint.isMain && Object.hasOwn(tables, service) ? (tables[service]?.rules ?? []) : []
  const rule =
    rules.find(({ actions }) => actions.includes(action)) ??
    rules.find(({ actions }) => actions.includes('*'))
  const resources = rule === undefined ? [] : resourcesOf(rule, members, home)
  if (typeof resources === 'string') return resources
  const read = isAwsReading(action) && !decrypts(service, members)
  const passed = passedBy(rule, members, home)
  if (typeof passed === 'string') return passed
  const called = (resources.length === 0 ? ['~'] : resources).map((resource) => ({
    service,
    action,
    resource,
    read,
  }))
  return { called: [...called, ...passed], ...answersOf(service, action) }
}

/** What the answer has in it that no step may hold. */
function answersOf(service: string, action: string): Pick<Reading, 'answers'> {
  if (service === 'sts' && /^(?:Assume|GetSessionToken|GetFederationToken)/.test(action))
    return { answers: 'session' }
  return service === 'ecr' && action === 'GetAuthorizationToken' ? { answers: 'registry-token' } : {}
}

function decrypts(service: string, members: Members): boolean {
  return (
    service === 'ssm' && members('WithDecryption') !== undefined && members('WithDecryption').length !== 0
  )
}

function resourcesOf(rule: Rule, members: Members, home: Home): string[] | string {
  const registry = members('registryId')
  if (registry === 'odd' || registry.some((one) => one !== home.account))
    return 'it names a registry of another account'
  let all: string[][] = [[]]
  for (const { members: names, otherwise } of rule.resource) {
    const found = names.map(members).find((one) => one.length > 0)
    if (found === 'odd') return `its ${names[0]} is no name`
    const texts = found ?? (otherwise === undefined ? [] : [otherwise])
    if (texts.length > 0)
      all = all.flatMap((parts) => [...new Set(texts)].map((text) => [...parts, shortName(text, home)]))
    if (all.length > maxNamed) return `it names more than ${maxNamed} things`
  }
  const whole = all.filter((parts) => parts.length > 0).map(joined)
  return whole.includes(undefined)
    ? 'what it names in one place is not within what it names in another'
    : whole.flatMap((one) => (one === undefined ? [] : [named(one)]))
}

const maxNamed = 500

/** Whoever lets a service act as a role may do what the role may. */
function passedBy(rule: Rule | undefined, members: Members, home: Home): Called[] | string {
  const all = (rule?.passes ?? []).map(members)
  if (all.includes('odd')) return 'the role that it passes is no name'
  return [...new Set((all as (readonly string[])[]).flat())]
    .filter((role) => role !== '')
    .map((role) => ({
      service: 'iam',
      action: 'PassRole',
      resource: named(shortName(role, home)),
      read: false,
    }))
}

function byPath(asked: Asked): Reading | string {
  const { endpoint, method, target, body, home } = asked
  const { service } = endpoint
  const rules = endpoint.isMain && Object.hasOwn(tables, service) ? (tables[service]?.rules ?? []) : []
  for (const rule of rules) {
    const { request, actions } = rule
    const found = request?.method === method ? request.path.exec(target.path) : null
    if (found === null) continue
    const members = rule.resource.length + rule.passes.length > 0 ? jsonMembers(body) : () => []
    if (typeof members === 'string') return members
    const inBody = resourcesOf(rule, members, home)
    const passed = passedBy(rule, members, home)
    if (typeof inBody === 'string' || typeof passed === 'string')
      return typeof inBody === 'string' ? inBody : (passed as string)
    const inPath = found.slice(1).map((part) => shortName(decodeURIComponent(part), home))
    const resource = [...inPath.map(named), ...inBody].join('/')
    const [action = ''] = actions
    const read = isAwsReading(action)
    return { called: [{ service, action, resource: resource === '' ? '~' : resource, read }, ...passed] }
  }
  if (!/^[A-Z]{3,10}$/.test(method)) return 'its method is none'
  const resource = named(
    [...(endpoint.place === undefined ? [] : [endpoint.place]), ...target.parts].join('/'),
  )
  const read =
    (method === 'GET' || method === 'HEAD') && !/key|token|secret|password|credential|session/i.test(resource)
  return { called: [{ service, action: method, resource, read }] }
}
