import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { lookAtFiles } from '../look-at.ts'
import { createTurns, type Turns } from '../turns.ts'
import { refuse } from './answer.ts'
import { fetchDocument, short } from './document.ts'
import { isRecord, parseJson, recordOf } from './json.ts'
import { besideFile } from './beside-file.ts'
import { readPublishBody, type PublishBody } from './publish-body.ts'
import { readPublication, withDigests, type Publication } from './publish-document.ts'
import { packumentPath } from './route.ts'
import { purlOf } from './tarball.ts'

/** A new version, or one that waits at the registry for a person's approval. */
type Sent = { readonly kind: 'publish' | 'stage'; readonly name: string }

/** Where npm sends it, and how (npm's own libnpmpublish). */
const places = {
  publish: { method: 'PUT', pathOf: packumentPath },
  stage: { method: 'POST', pathOf: (name: string) => `/-/stage/package/${name.replace('/', '%2f')}` },
} as const

/**
 * `npm publish`: one new version of a package that a grant names, hashed here and recorded before any of it goes out. What is
 * published stays: an existing version is not overwritten, and nothing is taken away, deprecated or given to other owners.
 */
export function createPublisher(): (exchange: Exchange, sent: Sent) => Promise<void> {
  /** Of each step: how many it publishes just now. */
  const running = new WeakMap<object, number>()
  const turns = createTurns()
  return async (exchange, sent) => {
    const { ofStep } = exchange
    const count = running.get(ofStep) ?? 0
    // Each takes disk while its file comes.
    if (count >= maxAtOnce)
      return refuse(exchange, 429, 'mayfly: too many packages are published at once: try again')
    running.set(ofStep, count + 1)
    try {
      await publish(exchange, turns, sent)
    } finally {
      running.set(ofStep, (running.get(ofStep) ?? 1) - 1)
    }
  }
}

const maxAtOnce = 4

async function publish(exchange: Exchange, turns: Turns, { kind, name }: Sent): Promise<void> {
  const { connection, request } = exchange
  const what = `npm ${kind} ${connection.name}/${name}`
  const operation = { action: `npm:${kind}`, connection: connection.name, path: name }
  // Before a body of megabytes is read; which version it is only the body says.
  const denial = exchange.would(operation, { anyRef: true }) ? undefined : exchange.precheck(operation)
  if (denial !== undefined) return refuse(exchange, 403, denial.message)
  let body: PublishBody
  try {
    body = await readPublishBody(unpacked(request))
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return refuse(
      exchange,
      error.code === 'limit_exceeded' ? 413 : 400,
      exchange.deny(what, messageOf(error)),
    )
  }
  await using read = body
  const publication = readPublication(read, name)
  if (typeof publication === 'string') return refuse(exchange, 403, exchange.deny(what, publication))
  const digests = withDigests(publication, read)
  if (typeof digests === 'string') return refuse(exchange, 403, exchange.deny(what, digests))
  const { version, tags, document } = publication
  const asked = await exchange.permit(
    { ...operation, ref: version },
    {
      npm: {
        purl: purlOf(name, version),
        ...digests,
        bytes: read.fileBytes,
        tags,
        access: document['access'] ?? null,
      },
    },
    {
      proven: () => ({
        artifact: [`sha256:${read.sha256.toString('hex')}`],
        beside: () => besideFile(publication, read, connection.url),
      }),
    },
  )
  if (!asked.allow) return refuse(exchange, 403, asked.message)
  const permit = await lookAtFiles(
    exchange,
    asked,
    { place: 'packages', what: purlOf(name, version) },
    {
      [`${name}-${version}.tgz`]: () => decoded(read.readText()),
      'its document': {
        bytes: Buffer.from(read.json),
        // The placeholder is made up anew for each request.
        unchanging: JSON.stringify(read.json.split(read.placeholder)),
      },
    },
  )
  if (typeof permit === 'string') return refuse(exchange, 403, exchange.deny(`${what}@${version}`, permit))
  await turns(connection, `${name}@${version}`, async (isThere) => {
    const taken = isThere ? takenAlready : await whyTaken(exchange, permit, publication)
    if (taken === undefined) return sendAsPublisher(exchange, permit, { ...publication, kind }, read)
    refuse(exchange, 409, exchange.deny(`${what}@${version}`, taken))
    return isThere
  })
}

function unpacked(request: Exchange['request']): AsyncIterable<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return request
  if (encoding !== 'gzip')
    throw new MayflyError('bad_input', 'its body is in an encoding that is not known here')
  return request.pipe(createGunzip())
}

const takenAlready = 'this version is there already, and what is published is not overwritten'

/** Why this version cannot be new; undefined if the registry does not have it. */
async function whyTaken(
  exchange: Exchange,
  permit: Permit,
  { name, version }: Publication,
): Promise<string | undefined> {
  const fetched = await fetchDocument(exchange, permit, name, { accept: short })
  if (!fetched.ok && fetched.status === 404) return undefined
  const document = fetched.ok ? parseJson(fetched.text.toString('utf8')) : undefined
  if (!isRecord(document))
    return `whether it is there already cannot be told: ${fetched.ok ? 'the registry answers with no document' : fetched.why}`
  return Object.hasOwn(recordOf(document['versions']), version) ? takenAlready : undefined
}

/** As `send`, with what the registry gives its publisher. */
async function sendAsPublisher(
  exchange: Exchange,
  permit: Permit,
  publication: Publication & Sent,
  body: PublishBody,
): Promise<boolean> {
  const { kind, name, version } = publication
  let publisher: Permit
  try {
    publisher = await exchange.publisher(permit, name)
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
    const what = `npm ${kind} ${exchange.connection.name}/${name}@${version}`
    refuse(exchange, 403, exchange.deny(what, messageOf(error)))
    return false
  }
  return send(exchange, publisher, publication, body)
}

/** Whether the registry has it now; the step is answered either way. */
async function send(
  exchange: Exchange,
  permit: Permit,
  { kind, name, version, document }: Publication & Sent,
  body: PublishBody,
): Promise<boolean> {
  const { method, pathOf } = places[kind]
  const { connection, request, response } = exchange
  const [before = '', after = ''] = JSON.stringify(document).split(JSON.stringify(body.placeholder))
  const { 'user-agent': agent = 'npm' } = pickHeaders(request, ['user-agent'])
  const answer = await exchange.send(permit, {
    method,
    path: pathOf(name),
    headers: {
      'user-agent': agent,
      accept: 'application/json',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(before) + Buffer.byteLength(after) + body.textBytes + 2),
    },
    body: Readable.from(pieces(before, body, after)),
  })
  const { statusCode = 0 } = answer
  const text = (await exchange.read(answer, 65_536)) ?? Buffer.alloc(0)
  if (statusCode !== 200 && statusCode !== 201) {
    const why = `the registry answered ${statusCode}${reasonIn(text)}`
    refuse(
      exchange,
      statusCode >= 400 && statusCode < 500 && statusCode !== 401 ? statusCode : 502,
      exchange.deny(`npm ${kind} ${connection.name}/${name}@${version}`, why),
    )
    return false
  }
  const stageId = kind === 'stage' ? stageIdIn(text) : undefined
  const integrity = `sha512-${body.sha512.toString('base64')}`
  const sha256 = body.sha256.toString('hex')
  exchange.accepted({
    type: 'packages.published',
    item: {
      ...{ purl: purlOf(name, version), integrity, sha256, bytes: body.fileBytes, status: statusCode },
      ...(stageId === undefined ? {} : { staged: stageId }),
    },
  })
  const said = Buffer.from(JSON.stringify({ ok: true, success: true, stageId }))
  response.writeHead(statusCode, { 'content-type': 'application/json', 'content-length': said.length })
  response.end(said)
  return true
}

/** By which a person approves it. */
function stageIdIn(text: Buffer): string {
  const { stageId } = recordOf(parseJson(text.toString('utf8')))
  return typeof stageId === 'string' && /^[\w.-]{1,200}$/.test(stageId) ? stageId : ''
}

/** The file, from its base64 text in pieces of any size. */
async function* decoded(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = ''
  for await (const piece of text) {
    const all = rest + piece.toString('latin1')
    const end = all.length - (all.length % 4)
    rest = all.slice(end)
    yield Buffer.from(all.slice(0, end), 'base64')
  }
}

async function* pieces(before: string, body: PublishBody, after: string): AsyncGenerator<Buffer> {
  yield Buffer.from(`${before}"`)
  yield* body.readText() as AsyncIterable<Buffer>
  yield Buffer.from(`"${after}`)
}

/** What the registry says is wrong, for a person to read. */
function reasonIn(text: Buffer): string {
  const { error, reason, message } = recordOf(parseJson(text.toString('utf8')))
  const said = [reason, error, message].find((one) => typeof one === 'string' && one !== '')
  return typeof said === 'string' ? `: ${said.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 300)}` : ''
}
