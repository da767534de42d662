import { joinIntegrity, type Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import { discard, keepOnly, plainAnswer, type Exchange, type Permission, refusedHint } from '../exchange.ts'
import { follow } from '../follow.ts'
import { purlOf, type FileRoute, type Route } from './route.ts'

/** A file on its way to the step: held against its pin where there is one, else remembered as what it is from now on. */
export async function download(exchange: Exchange, route: Route): Promise<void> {
  const { request, response, connection, path } = exchange
  const pinned = route.kind === 'file' ? pinnedDigest(route, await exchange.pins()) : undefined
  if (pinned !== undefined && pinned.integrity === undefined)
    return deny(exchange, 'two verification-metadata.xml of the workspace differ')
  const permit = await permitted(exchange, route, pinned !== undefined)
  if (!permit.allow) return plainAnswer(response, 403, permit.message)
  const upstream = await follow(exchange, permit, path)
  const { statusCode = 0 } = upstream
  if (statusCode === 404 || statusCode === 410) {
    discard(upstream)
    return plainAnswer(response, 404, `mayfly: ${connection.name} does not have ${path}`)
  }
  if (statusCode !== 200) {
    discard(upstream)
    const why = refusedHint(exchange.connection, statusCode)
    return deny(exchange, `the repository answered ${statusCode}${why}`, 502)
  }
  keepOnly(upstream, ['content-length', 'content-type', 'last-modified', 'etag'])
  if (request.method === 'HEAD') {
    discard(upstream)
    const { 'content-length': length } = upstream.headers
    return void response.writeHead(200, length === undefined ? {} : { 'content-length': length }).end()
  }
  if (route.kind === 'metadata' || route.beside) return exchange.relay(upstream)
  const { coordinates, version, file } = route
  await exchange.deliver(upstream, {
    purl: purlOf(route),
    what: `${coordinates}@${version} (${file})`,
    integrity: pinned?.integrity,
    by: pinned === undefined ? 'none' : 'lockfile',
  })
}

/** What the lockfiles of the workspace say of the file; without `integrity` they contradict each other. */
function pinnedDigest(
  { coordinates, version, file }: FileRoute,
  pins: Pins | undefined,
): { readonly integrity: string | undefined } | undefined {
  const found = (pins?.of('maven', coordinates, version) ?? []).filter((pin) => pin.file === file)
  const [first, ...others] = found
  if (first === undefined) return undefined
  const integrity = others.reduce<string | undefined>(
    (joined, pin) => (joined === undefined ? undefined : joinIntegrity(joined, pin.integrity)),
    first.integrity,
  )
  return { integrity }
}

async function permitted(exchange: Exchange, route: Route, isPinned: boolean): Promise<Permission> {
  const { name: connection } = exchange.connection
  const pins = isPinned ? await exchange.pins() : undefined
  const ref = route.kind === 'file' ? { ref: route.version } : {}
  const operation = (action: string): Operation => ({ action, connection, path: route.coordinates, ...ref })
  if (pins !== undefined) return exchange.permitPinned(operation('maven:download'), pins)
  if (route.kind === 'file')
    return exchange.permit(operation('maven:resolve'), { maven: { file: route.file } })
  // Whoever publishes a version writes the list of them anew, and so reads it.
  const publishes = operation('maven:publish')
  const asked =
    !exchange.would(operation('maven:resolve'), { anyRef: true }) &&
    exchange.would(publishes, { anyRef: true })
      ? publishes
      : operation('maven:resolve')
  return exchange.permit(asked, {}, { anyRef: true })
}

function deny(exchange: Exchange, reason: string, status = 403): void {
  const { request, response, connection, path } = exchange
  plainAnswer(response, status, exchange.deny(`maven ${request.method} ${connection.name}${path}`, reason))
}
