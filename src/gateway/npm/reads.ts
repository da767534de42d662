import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { collect } from '../collect.ts'
import { pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { refuse, refuseAnswer } from './answer.ts'
import { isRecord, parseJson } from './json.ts'
import { isName } from './route.ts'

/** The names and versions of a large project; packed and not. */
const maxBytes = 8 * 1_048_576
const maxPackedBytes = 1_048_576

/**
 * `npm audit`: which of these versions have advisories. It tells the registry every package that is named, so the role must be one
 * that may resolve each of them.
 */
export async function passAdvisories(exchange: Exchange): Promise<void> {
  const { request, connection } = exchange
  const what = `npm POST ${connection.name}${exchange.path}`
  const any = { action: 'npm:resolve', connection: connection.name, path: '' }
  // Whose role resolves nothing has no body read, of which each name would be judged.
  const denial = exchange.would(any, { anyRef: true }) ? undefined : exchange.precheck(any)
  if (denial !== undefined) return refuse(exchange, 403, denial.message)
  const text = await bodyOf(request)
  const asked = text === undefined ? undefined : parseJson(text)
  const names = isRecord(asked) ? Object.keys(asked) : []
  if (!names.every(isName) || names.length === 0 || names.length > maxNames)
    return refuse(exchange, 400, exchange.deny(what, 'its body is not { "NAME": ["VERSION"] }, or too long'))
  const permit = await exchange.permitAll(
    names.map((path) => ({ action: 'npm:resolve', connection: connection.name, path })),
    { npm: { advisories: names.length } },
  )
  if (!permit.allow) return refuse(exchange, 403, permit.message)
  const answer = await exchange.send(permit, {
    method: 'POST',
    path: exchange.path,
    headers: { ...headersOf(exchange), 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(asked)),
  })
  if (answer.statusCode !== 200) return refuseAnswer(exchange, what, answer)
  await exchange.relay(answer)
}

/** Packages that are asked about at once; the largest projects have some thousands. */
const maxNames = 10_000

/** What a registry signs with, and who says how a version was made: for `npm audit signatures`. */
export async function passStatement(exchange: Exchange, permit: Permit): Promise<void> {
  const { connection, path } = exchange
  const answer = await exchange.send(permit, { method: 'GET', path, headers: headersOf(exchange) })
  // A version without statements has none, and says so.
  if (answer.statusCode !== 200 && answer.statusCode !== 404)
    return refuseAnswer(exchange, `npm GET ${connection.name}${path}`, answer)
  await exchange.relay(answer)
}

function headersOf({ request }: Exchange): Record<string, string> {
  const { 'user-agent': agent = 'npm' } = pickHeaders(request, ['user-agent'])
  return { 'user-agent': agent, accept: 'application/json', 'accept-encoding': 'gzip' }
}

async function bodyOf(request: Exchange['request']): Promise<string | undefined> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  const bytes = await collect(request, encoding === 'identity' ? maxBytes : maxPackedBytes)
  if (bytes === undefined || encoding === 'identity') return bytes?.toString('utf8')
  if (encoding !== 'gzip') return undefined
  try {
    return (await promisify(gunzip)(bytes, { maxOutputLength: maxBytes })).toString('utf8')
  } catch {
    return undefined
  }
}
