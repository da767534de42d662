import type { IncomingMessage } from 'node:http'
import { MayflyError } from '../../lib/index.ts'
import { gcpStandIn, isGoogleHost } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import { UpstreamBusy } from '../busy.ts'
import { hasBody, type Chooser, type Exchange, type HttpHandler } from '../exchange.ts'
import { answerError, type Dialect } from './answers.ts'
import { readJsonBody, type ReadBody } from './body.ts'
import { called, type Reading } from './called.ts'
import { hasJsonBody, readJson, splitJson, type JsonRequest } from './json-storage.ts'
import { mintingOf } from './minting.ts'
import { readMultipart } from './multipart.ts'
import { otherProject } from './project.ts'
import { readRest } from './rest.ts'
import { placeOf, type Place } from './service.ts'
import { readTarget, valuesOf, writeTarget, type Target } from './target.ts'
import { answerToken, asksToken } from './tokens.ts'
import { createHeldUploads, type HeldUploads } from './uploads.ts'
import { readXml, uploadIdOf } from './xml-storage.ts'

/**
 * Google Cloud's APIs. A step shows a stand-in that opens nothing, which it gets from the gateway's own answer at Google's token
 * endpoint; its request is named in IAM's words, and goes on with a token that the step never sees.
 * Invariant: nothing that a step shows as a credential goes upstream, and no address of an upload comes back, which is one.
 */
export function createGcpHandler(): HttpHandler {
  const uploads = createHeldUploads()
  return async (exchange) => {
    if (asksToken(exchange)) return answerToken(exchange, isStandIn)
    const dialect: Dialect = /^\/(?:upload\/|download\/|resumable\/upload\/)?storage\/v1\//.test(
      exchange.path,
    )
      ? 'json'
      : placeOf(exchange.asked.host, exchange.path)?.service === 'storage'
        ? 'xml'
        : 'json'
    const refuse = (why: string) => answerError(exchange, dialect, exchange.deny(whatOf(exchange), why))
    try {
      const asked = await readRequest(exchange, uploads)
      if (typeof asked === 'string') return refuse(asked)
      const refused = mintingOf(asked.reading.called)
      if (refused !== undefined) return refuse(refused)
      await pass(exchange, asked, { dialect, uploads })
    } catch (error) {
      if (error instanceof UpstreamBusy)
        return answerError(exchange, dialect, `mayfly: ${error.message}`, {
          status: error.status,
          headers: error.headers,
        })
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      answerError(exchange, dialect, error.message, { status: 502 })
    }
  }
}

const shown = /^Bearer (mayfly-stand-in-[a-z0-9-]{1,200})$/i

function isStandIn(text: string): boolean {
  return shown.test(`Bearer ${text}`)
}

/** Which connection's stand-in a request shows. */
export const meantByBearer: Chooser = ({ headers }, at) => {
  const token = shown.exec(headers.authorization ?? '')?.[1]
  return at.find(({ name, hostOf }) => gcpStandIn((hostOf ?? { name }).name) === token)
}

interface Asked {
  readonly reading: Reading
  readonly target: Target
  readonly body: ReadBody['body']
  /** In the place of those that came. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

async function readRequest(exchange: Exchange, uploads: HeldUploads): Promise<Asked | string> {
  const { request, connection, asked, path, query } = exchange
  const { authorization } = request.headers
  const isGoogle = isGoogleHost(asked.host)
  // Clients of emulators show nothing.
  if (authorization !== `Bearer ${gcpStandIn(connection.name)}` && (isGoogle || authorization !== undefined))
    return `it does not show the stand-in of connection "${connection.name}": let the tool take the settings that it finds in a step, and no login of your own`
  if (request.headers['x-http-method-override'] !== undefined)
    return 'it has X-HTTP-Method-Override: a method is what it is'
  if (/^application\/grpc/i.test(request.headers['content-type'] ?? ''))
    return 'it is a call by gRPC: let the tool use the API by REST (transport="rest")'
  const target = readTarget(path, query)
  if (typeof target === 'string') return target
  const project = connection.settings?.project ?? ''
  const other = otherProject(project, target, request.headers)
  if (other !== undefined) return other
  const place = placeOf(asked.host, path)
  if (place === undefined) return `${asked.host} is no host of a service that is known here`
  if (target.parts[0] === 'batch')
    return 'a batch of requests is not passed on: let the tool send them one by one'
  const body = request.method !== 'GET' && hasBody(request) ? request : undefined
  if (place.service !== 'storage') {
    const one = readRest({ service: place.service, project }, request.method ?? '', target)
    return typeof one === 'string' ? one : { reading: { called: [one] }, target, body }
  }
  const id = uploadIdOf(target)
  if (id !== undefined) {
    const upload = uploads.of(exchange, id)
    if (upload === undefined) return 'it goes on with an upload that this step has not begun'
    return {
      reading: { called: [called('storage.objects.create', upload.resource)] },
      target: upload.target,
      body,
    }
  }
  return readStorage(exchange, target, place, body)
}

async function readStorage(
  exchange: Exchange,
  target: Target,
  { bucket }: Place,
  body: IncomingMessage | undefined,
): Promise<Asked | string> {
  const { method = '', headers } = exchange.request
  const json = splitJson(method, target)
  if (
    /^(?:storage|upload|download|resumable)$/.test(target.parts[0] ?? '') &&
    (json === undefined || bucket !== undefined)
  )
    return 'its path is of no version of Cloud Storage’s API that is known here'
  if (json === undefined) {
    const reading = readXml(
      { method, target, bucket, project: exchange.connection.settings?.project ?? '' },
      headers,
    )
    return typeof reading === 'string' ? reading : { reading, target: reading.target ?? target, body }
  }
  const read = await bodyOf(exchange, json, body)
  if (typeof read === 'string') return read
  const reading = readJson(json, read.says)
  return typeof reading === 'string'
    ? reading
    : { reading, target: reading.target ?? target, body: read.body, headers: read.headers }
}

async function bodyOf(
  exchange: Exchange,
  json: JsonRequest,
  body: IncomingMessage | undefined,
): Promise<ReadBody | string> {
  if (json.isUpload && valuesOf(json.target, 'uploadType')[0] === 'multipart') return readMultipart(exchange)
  return hasJsonBody(json) ? readJsonBody(exchange) : { says: {}, body }
}

/** Headers that may go on; what says who asks is ours to say. */
const passable =
  /^(?:accept(?:-.*)?|cache-control|content-.*|expires|if-.*|range|user-agent|x-goog-.*|x-upload-content-.*)$/
const ours =
  /^x-goog-(?:iam-.*|iap-.*|authenticated-.*|api-key|upload-.*|date|content-sha256|.*-token|.*signature.*)$/

async function pass(
  exchange: Exchange,
  { reading, target, body, headers: own }: Asked,
  { dialect, uploads }: { readonly dialect: Dialect; readonly uploads: HeldUploads },
): Promise<void> {
  const { connection, request } = exchange
  const operations = reading.called.map(({ permission, resource, read }): Operation => ({
    action: read ? 'gcp:read' : 'gcp:call',
    connection: connection.name,
    path: permission,
    ref: resource,
  }))
  const permit = await exchange.permitAll(operations, { gcp: { method: request.method } })
  if (!permit.allow) return answerError(exchange, dialect, permit.message)
  const headers = Object.entries(request.headers).flatMap(([name, value]) => {
    const isOfBody = own !== undefined && /^content-(?:length|md5)$/.test(name)
    const passes = typeof value === 'string' && passable.test(name) && !ours.test(name) && !isOfBody
    return passes ? [[name, value] as const] : []
  })
  const upstream = await exchange.send(permit, {
    method: request.method ?? '',
    path: writeTarget(target),
    headers: { ...Object.fromEntries(headers), ...reading.headers, ...own },
    ...(body === undefined ? {} : { body }),
    relayBusy: true,
  })
  tellDone(exchange, reading, upstream)
  const { location } = upstream.headers
  const isBegun = reading.begins !== undefined && location !== undefined
  const place = isBegun ? uploads.keep(exchange, reading.begins, location) : undefined
  const isRedirect = /^30[12378]$/.test(String(upstream.statusCode))
  if (location !== undefined && place === undefined && (isBegun || isRedirect))
    return answerError(exchange, dialect, exchange.deny(whatOf(exchange), elsewhere), { status: 502 })
  // It is the id of an upload, too.
  const shown = { 'x-guploader-uploadid': undefined, location: place }
  return exchange.relay(upstream, shown, undefined, (message) =>
    answerError(exchange, dialect, message, { status: 502 }),
  )
}

const elsewhere = 'its answer sends the tool on to another address, which is not passed on'

function tellDone(exchange: Exchange, { called: all }: Reading, { statusCode = 0 }: IncomingMessage): void {
  const [first] = all
  if (first === undefined || all.every(({ read }) => read)) return
  exchange.accepted({
    type: 'operations.done',
    item: {
      operation: `${first.permission} ${first.resource}`.slice(0, 500),
      facts: { status: statusCode, things: all.length },
    },
  })
}

/** The request in one line, for refusals. */
function whatOf({ request, connection, path }: Exchange): string {
  return `gcp ${request.method} ${connection.name}${path.slice(0, 500)}`
}
