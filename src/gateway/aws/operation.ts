import type { IncomingHttpHeaders } from 'node:http'
import { isAwsReading } from '../../kinds/index.ts'
import { named, type Called, type Reading } from './called.ts'
import { readType } from './content-type.ts'
import type { Endpoint } from './endpoint.ts'
import { formMembers, jsonMembers, maxNameChars, type Members } from './members.ts'
import { mintedAt, opensSomething } from './minting.ts'
import { joined, shortName, type Home } from './names.ts'
import type { Pair } from './sigv4.ts'
import { spokenBy, targetOwner } from './spoken.ts'
import type { Rule } from './table.ts'
import { tables } from './tables.ts'
import { maxPairs, readQuery, writeQuery, type Target } from './target.ts'

interface Asked {
  readonly endpoint: Endpoint
  readonly method: string
  readonly target: Target
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly home: Home
}

/**
 * What a request does that is not S3's: by `X-Amz-Target` (JSON), by `Action` of a form or query, by the path of Smithy's RPC, else by
 * method and path. Only what its service is told operations by counts (`spoken.ts`): a service of paths looks at no `X-Amz-Target`, so
 * that would name one operation and do another. A request that says it in two ways is refused: which one counts the service decides.
 */
export async function readOperation(asked: Asked): Promise<Reading | string> {
  const { endpoint, headers, target } = asked
  if (headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here: disable_request_compression = true in the tool’s profile'
  const { json, forms, cbor, paths } = spokenBy(endpoint.service)
  const operation = headers['x-amz-target']
  if (operation !== undefined) return byTarget(String(operation), asked)
  const rpc = json || cbor ? rpcPath.exec(target.path) : null
  if (rpc !== null) return cbor ? byRpc(rpc[1] ?? '', asked) : inCbor
  const inForm = forms ? byForm(asked) : undefined
  if (inForm !== undefined) return inForm
  return paths && !((json || forms) && target.path === '/') ? byPath(asked) : 'it names no operation'
}

const twice = 'it names more than one operation'
const rpcPath = /^\/service\/[^/]+\/operation\/([^/]+)\/?$/
const inCbor =
  'it is asked in CBOR, in which it is not read here: let the tool ask in JSON, as the AWS CLI and most SDKs do'

const jsonType = /^(?:application\/(?:json|x-amz-json-1\.[01]))?$/

async function byTarget(text: string, asked: Asked): Promise<Reading | string> {
  const { endpoint, method, target } = asked
  const [, prefix = '', action = ''] = /^([A-Za-z0-9_.]{1,100})\.([A-Z][A-Za-z0-9]{0,99})$/.exec(text) ?? []
  if (action === '') return 'its X-Amz-Target names no operation'
  const owner = targetOwner(prefix)
  if (owner === undefined) return 'its X-Amz-Target names an operation of no service that is told by it'
  if (owner !== endpoint.service)
    return `it is signed for ${endpoint.service}, and names an operation of ${owner}`
  if (method !== 'POST' || target.path !== '/' || target.query.length > 0) return twice
  if (readType(asked.headers) === formType) return twice
  const members = await inJson(asked)
  return typeof members === 'string' ? members : of(action, asked, members)
}

async function inJson(asked: Asked): Promise<Members | string> {
  if (!jsonType.test(readType(asked.headers)))
    return 'its body is not called JSON in UTF-8 by its content-type'
  return jsonMembers(asked.body)
}

/** Nothing of a body in CBOR is read: what names resources or roles, by a table, comes in JSON. */
function byRpc(action: string, asked: Asked): Reading | string {
  const { endpoint, method, target, body } = asked
  if (Object.hasOwn(tables, endpoint.service)) return inCbor
  if (
    method !== 'POST' ||
    target.query.length > 0 ||
    (body.length > 0 && readType(asked.headers) === formType)
  )
    return twice
  return of(action, asked, () => [])
}

const formType = 'application/x-www-form-urlencoded'

/** By `Action`; undefined where there is none. Who reads a body beside an `Action` of the query, and how, the service decides. */
function byForm(asked: Asked): Reading | string | undefined {
  const { method, target, body } = asked
  const form = readType(asked.headers) === formType ? readForm(body) : []
  if (typeof form === 'string') return form
  const pairs = [...target.query, ...form]
  const names = pairs.map(([name]) => name)
  const actions = pairs.filter(([name]) => name.toLowerCase() === 'action')
  if (actions.length === 0) return undefined
  const [written, action = ''] = actions[0] ?? []
  if (actions.length > 1 || written !== 'Action' || target.path !== '/' || !/^(?:GET|POST)$/.test(method))
    return twice
  if (target.query.length > 0 && body.length > 0)
    return 'it says what it does in its query, and has a body, too'
  if (new Set(names).size !== names.length) return 'it names a parameter twice'
  const plain = withName(pairs, ruleOf(action, asked.endpoint)?.within)
  if (typeof plain === 'string') return plain
  const reading = of(action, asked, formMembers(plain))
  if (plain === pairs || typeof reading === 'string') return reading
  return body.length > 0 ? { ...reading, body: Buffer.from(writeQuery(plain)) } : inQuery
}

const inQuery = 'it names by an ARN what it names by its name in a form'

/**
 * A change set that goes by its ARN is found by that alone, whatever stack is named beside it. `aws cloudformation deploy` writes both:
 * the name that stands in the ARN is put in its place, so that what goes on is about the stack that was judged.
 */
function withName(pairs: Pair[], member: string | undefined): Pair[] | string {
  const at = member === undefined ? -1 : pairs.findIndex(([name]) => name === member)
  const [name = '', value = ''] = pairs[at] ?? []
  if (at !== -1 && pairs.some(([, one = '']) => one.length > maxNameChars)) return 'it has more than names'
  if (at === -1 || /^[A-Za-z][A-Za-z0-9-]*$/.test(value)) return pairs
  const ofArn = /^arn:[a-z-]+:cloudformation:[^:/]*:[^:/]*:changeSet\/([A-Za-z][A-Za-z0-9-]*)\//.exec(
    value,
  )?.[1]
  if (ofArn === undefined) return `its ${name} is no name`
  if (!pairs.some(([one, stack = '']) => one === 'StackName' && stack !== ''))
    return `its ${name} is an ARN, which says nothing of its stack: name the stack, too (--stack-name)`
  return pairs.with(at, [name, ofArn])
}

/** A form, as tools write them: whatever is not printable is escaped. `+` is a space there. */
function readForm(body: Buffer): Pair[] | string {
  const text = body.toString('latin1')
  // Some readers take `;` for `&`, and bytes beyond ASCII are read in more than one way.
  if (!/^[!-:<-~]*$/.test(text)) return 'its form has characters that are not escaped'
  const written = text === '' ? [] : text.split('&', maxPairs + 1)
  if (written.length > maxPairs) return `its form has more than ${maxPairs} parameters`
  const long = (value: string) => value.length > 3 * maxNameChars
  const form: Pair[] = []
  for (const one of written) {
    const [name = '', value] = one.split(/=(.*)/s, 2)
    if (long(name)) return 'its form has a name that is too long'
    // What is too long to be a name stays as it is written, and names nothing.
    const read = readQuery(
      `${name}${value === undefined || long(value) ? '' : `=${value}`}`.replaceAll('+', '%20'),
    )
    if (typeof read === 'string') return read.replace('its query', 'its form')
    form.push(value !== undefined && long(value) ? [read[0]?.[0] ?? '', value] : (read[0] ?? ['', undefined]))
  }
  return form
}

function ruleOf(action: string, { service, isMain }: Endpoint): Rule | undefined {
  if (!isMain || !Object.hasOwn(tables, service)) return undefined
  return tables[service]?.rules.find(({ actions }) => actions.includes(action))
}

/** One that has a name, in the query protocol or JSON. */
function of(action: string, { endpoint, home }: Asked, members: Members): Reading | string {
  if (!/^[A-Z][A-Za-z0-9]{0,99}$/.test(action)) return 'it names no operation'
  const { service } = endpoint
  const rule = ruleOf(action, endpoint)
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
  for (const { members: names, otherwise = '~' } of rule.resource) {
    const found = names.map(members)
    if (found.includes('odd')) return `its ${names.join(' or ')} is no name`
    const named = new Set((found as (readonly string[])[]).flat())
    const texts = named.size > 0 ? [...named] : [otherwise]
    if (all.length * texts.length > maxNamed) return `it names more than ${maxNamed} things`
    all = all.flatMap((parts) => texts.map((text) => [...parts, shortName(text, home)]))
  }
  const whole = all
    .map(withoutLast)
    .filter((parts) => parts.length > 0)
    .map(joined)
  return whole.includes(undefined)
    ? 'what it names in one place is not within what it names in another'
    : whole.flatMap((one) => (one === undefined ? [] : [named(one)]))
}

/** What is not named at the end is left out: `prod/~` is `prod`. */
function withoutLast(parts: readonly string[]): readonly string[] {
  return parts.slice(0, parts.findLastIndex((part) => part !== '~') + 1)
}

const maxNamed = 500

/** Whoever lets a service act as a role may do what the role may. */
function passedBy(rule: Rule | undefined, members: Members, home: Home): Called[] | string {
  const all = (rule?.passes ?? []).map(members)
  if (all.includes('odd')) return 'the role that it passes is no name'
  const roles = new Set((all as (readonly string[])[]).flat().filter((role) => role !== ''))
  if (roles.size > maxNamed) return `it passes more than ${maxNamed} roles`
  return [...roles].map((role) => ({
    service: 'iam',
    action: 'PassRole',
    resource: named(shortName(role, home)),
    read: false,
  }))
}

async function byPath(asked: Asked): Promise<Reading | string> {
  const { endpoint, method, target, home } = asked
  const { service } = endpoint
  const minted = mintedAt(service, method, target.path)
  if (minted !== undefined) return minted
  const rules = endpoint.isMain && Object.hasOwn(tables, service) ? (tables[service]?.rules ?? []) : []
  for (const rule of rules) {
    const { request, actions } = rule
    const found = request?.method === method ? request.path.exec(target.path) : null
    if (found === null) continue
    const members = rule.resource.length + rule.passes.length > 0 ? await inJson(asked) : () => []
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
  const read = /^(?:GET|HEAD)$/.test(method) && !opensSomething(service, method, target.path)
  return { called: [{ service, action: method, resource, read }] }
}
