import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { MayflyError, limits } from '../../lib/index.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { collect } from '../collect.ts'
import { discard, pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { lookAtFiles } from '../look-at.ts'
import { createTurns } from '../turns.ts'
import { deny, refuse } from './answer.ts'
import { indexed } from './index-file.ts'
import { besideCrate } from './manifest-agreement.ts'
import { readPublication, type Publication } from './publish-body.ts'
import { jsonOf, type RegistryReader } from './registry.ts'

/**
 * `cargo publish`: read whole, so that name and version are known and the file is hashed before anything goes out. A version that is
 * there stays as it is. Bodies lie in memory meanwhile: bounded for one, and for all steps together.
 */
export function createPublisher(registryOf: RegistryReader): (exchange: Exchange) => Promise<void> {
  let reading = 0
  const turns = createTurns()

  return async (exchange) => {
    const { request, connection } = exchange
    const any = { action: 'cargo:publish', connection: connection.name, path: '' }
    if (!exchange.would(any, { anyRef: true }))
      return deny(
        exchange,
        `the role publishes nothing here: grant "cargo:publish ${connection.name}/NAME@VERSION"`,
      )
    const bytes = Number(request.headers['content-length'] ?? NaN)
    if (!(bytes <= limits.cargoPublishBytes))
      return deny(exchange, `a crate has at most ${limits.cargoPublishBytes} bytes, and says how many`, 413)
    if (reading + bytes > limits.publishingBytes)
      return deny(exchange, 'too many crates are being published at once: try again', 503)
    reading += bytes
    try {
      const body = await collect(request, bytes)
      const publication = body === undefined ? 'its body broke off' : readPublication(body)
      if (typeof publication === 'string') return deny(exchange, publication, 400)
      await publishOne(exchange, publication)
    } finally {
      reading -= bytes
    }
  }

  async function publishOne(exchange: Exchange, publication: Publication): Promise<void> {
    const { name, version, crate, body } = publication
    const operation = {
      ...{ action: 'cargo:publish', connection: exchange.connection.name },
      ...{ path: name.toLowerCase(), ref: version },
    }
    const sha256 = createHash('sha256').update(crate).digest('hex')
    const published = {
      purl: `pkg:cargo/${name}@${encodeURIComponent(version)}`,
      integrity: integrityOfHex('sha256', sha256),
      ...{ bytes: crate.length, status: 200 },
    }
    const asked = await exchange.permit(
      operation,
      { cargo: { name, sha256, bytes: crate.length } },
      {
        proven: () => ({
          artifact: [`sha256:${sha256}`],
          beside: () => besideCrate(publication, exchange.connection.url),
        }),
      },
    )
    if (!asked.allow) return refuse(exchange, 403, asked.message)
    const permit = await lookAtFiles(
      exchange,
      asked,
      { place: 'packages', what: published.purl },
      { [`${name}-${version}.crate`]: crate, 'its metadata': body.subarray(0, body.length - crate.length) },
    )
    if (typeof permit === 'string') return deny(exchange, permit)
    // Of two names that differ in case or by - and _ alone a registry takes one, and of two versions that differ behind the plus.
    const key = `${operation.path.replaceAll('-', '_')}@${bareOf(version)}`
    await turns(exchange.connection, key, async (isThere) => {
      const place = isThere ? takenReason(publication) : await placeToPublish(exchange, permit, publication)
      if (typeof place !== 'string') {
        const isTaken = await send(exchange, permit, place, body)
        if (isTaken) exchange.accepted({ type: 'packages.published', item: published })
        return isTaken
      }
      deny(exchange, place)
      return isThere
    })
  }

  /** Whether the registry has it now; the step is answered either way. */
  async function send(exchange: Exchange, permit: Permit, place: URL, body: Buffer): Promise<boolean> {
    const { 'user-agent': agent = 'mayfly' } = pickHeaders(exchange.request, ['user-agent'])
    const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': agent }
    const sent = exchange.sendTo(permit, place, { method: 'PUT', headers, body })
    if (sent !== undefined) return passAnswer(exchange, await sent)
    deny(exchange, `its web API is at ${place.host}: that is for a connection of its own`)
    return false
  }

  /** Where a version goes that is not there yet; a text says why it does not. */
  async function placeToPublish(
    exchange: Exchange,
    permit: Permit,
    publication: Publication,
  ): Promise<URL | string> {
    const { name, version } = publication
    const { connection } = exchange
    const registry = await registryOf(exchange, permit)
    if (registry === undefined) {
      // A web API without an index, as that of crates.io, knows its versions itself.
      const { statusCode } = await look(exchange, permit, `/api/v1/crates/${name}/${version}`)
      if (statusCode === 200) return takenReason(publication)
      if (statusCode !== 404)
        return `the registry answered ${statusCode} when asked whether ${name}@${version} is there`
      return new URL(`${connection.url.replace(/\/+$/, '')}/api/v1/crates/new`)
    }
    const bare = bareOf(version)
    const found = await indexed(exchange, permit, name.toLowerCase(), (one) => bareOf(one) === bare)
    if (found !== undefined) return takenReason(publication)
    if (registry.api === undefined)
      return 'the registry’s config.json names no web API: nothing is published there'
    return new URL(`${registry.api.href.replace(/\/+$/, '')}/api/v1/crates/new`)
  }
}

function takenReason({ name, version }: Publication): string {
  return `${name}@${version} is there already, and is not overwritten`
}

function bareOf(version: string): string {
  return version.split('+')[0] ?? version
}

async function look(exchange: Exchange, permit: Permit, path: string): Promise<IncomingMessage> {
  const upstream = await follow(exchange, permit, path, { accept: 'application/json' })
  discard(upstream)
  return upstream
}

const maxAnswerBytes = 1_048_576

/** Of the registry's answer what cargo shows: why it refused, or its warnings. Whether it took the crate. */
async function passAnswer(exchange: Exchange, upstream: IncomingMessage): Promise<boolean> {
  const { statusCode = 502 } = upstream
  const bytes = await exchange.read(upstream, maxAnswerBytes)
  if (bytes === undefined)
    throw new MayflyError('denied', 'the registry broke off, or its answer is too long')
  const { errors, warnings = null } = jsonOf(bytes)
  const details = Array.isArray(errors) ? errors.slice(0, 10).map(detailOf) : []
  if (statusCode !== 200 || details.length > 0) {
    deny(exchange, [`the registry answered ${statusCode}`, ...details].join(': '), 502)
    return false
  }
  const { response } = exchange
  const body = JSON.stringify({ warnings })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
  return true
}

function detailOf(error: unknown): string {
  const { detail } = (error ?? {}) as { detail?: unknown }
  return typeof detail === 'string' ? detail.replaceAll(/\s+/g, ' ').slice(0, 300) : 'it does not say why'
}
