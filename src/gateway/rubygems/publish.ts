import { createHash } from 'node:crypto'
import { limits } from '../../lib/index.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { collect } from '../collect.ts'
import { pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { lookAtFiles } from '../look-at.ts'
import { createTurns } from '../turns.ts'
import { deny, refuse } from './answer.ts'
import { readGem } from './gem-file.ts'
import { checksumsOf } from './info.ts'
import { purlOf, type Release } from './route.ts'

const maxAnswerBytes = 65_536

/**
 * `gem push`: read whole, so that name and version are known and the file is hashed before anything goes out. A version that is
 * there stays as it is. Bodies lie in memory meanwhile: bounded for one, and for all steps together.
 */
export function createPublisher(): (exchange: Exchange) => Promise<void> {
  let reading = 0
  const turns = createTurns()

  async function publishOne(exchange: Exchange, release: Release, body: Buffer): Promise<void> {
    const { gem, version, written } = release
    const { connection } = exchange
    const operation = { action: 'rubygems:publish', connection: connection.name, path: gem, ref: version }
    const sha256 = createHash('sha256').update(body).digest('hex')
    const asked = await exchange.permit(
      operation,
      { rubygems: { version: written, sha256, bytes: body.length } },
      { proven: () => ({ artifact: [`sha256:${sha256}`] }) },
    )
    if (!asked.allow) return refuse(exchange, 403, asked.message)
    const permit = await lookAtFiles(
      exchange,
      asked,
      { place: 'packages', what: purlOf(release) },
      { [`${gem}-${written}.gem`]: body },
    )
    if (typeof permit === 'string') return deny(exchange, permit)
    await turns(connection, `${gem.toLowerCase()}-${written}`, async (isThere) => {
      if (isThere || (await checksumsOf(exchange, permit, gem)).has(written)) {
        deny(exchange, `${gem} ${written} is there already, and is not overwritten`, 409)
        return true
      }
      const isTaken = await send(exchange, permit, body)
      if (isTaken)
        exchange.accepted({
          type: 'packages.published',
          item: {
            purl: purlOf(release),
            integrity: integrityOfHex('sha256', sha256),
            bytes: body.length,
            status: 200,
          },
        })
      return isTaken
    })
  }

  return async (exchange) => {
    const { request, connection } = exchange
    const any = { action: 'rubygems:publish', connection: connection.name, path: '' }
    if (!exchange.would(any, { anyRef: true }))
      return deny(
        exchange,
        `the role publishes nothing here: grant "rubygems:publish ${connection.name}/NAME@VERSION"`,
      )
    const bytes = Number(request.headers['content-length'] ?? NaN)
    if (!(bytes <= limits.gemBytes))
      return deny(exchange, `a gem has at most ${limits.gemBytes} bytes, and says how many`, 413)
    if (reading + bytes > limits.publishingBytes)
      return deny(exchange, 'too many gems are being published at once: try again', 503)
    reading += bytes
    try {
      const body = await collect(request, bytes)
      if (body === undefined) return deny(exchange, 'its body broke off', 400)
      const release = readGem(body)
      if (typeof release === 'string')
        return deny(exchange, `this is no gem that can be read: ${release}`, 400)
      await publishOne(exchange, release, body)
    } finally {
      reading -= bytes
    }
  }
}

/** Whether the registry has it now; the step is answered either way. */
async function send(exchange: Exchange, permit: Permit, body: Buffer): Promise<boolean> {
  const { 'user-agent': agent = 'mayfly' } = pickHeaders(exchange.request, ['user-agent'])
  const headers = {
    'content-type': 'application/octet-stream',
    'accept-encoding': 'identity',
    'user-agent': agent,
  }
  const upstream = await exchange.send(permit, { method: 'POST', path: '/api/v1/gems', headers, body })
  const { statusCode = 502 } = upstream
  const text =
    (await exchange.read(upstream, maxAnswerBytes))?.toString('utf8').replaceAll(/\s+/g, ' ').trim() ?? ''
  if (statusCode !== 200 && statusCode !== 201) {
    deny(exchange, `the registry answered ${statusCode}: ${text.slice(0, 300)}`, 502)
    return false
  }
  exchange.response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  exchange.response.end(text)
  return true
}
