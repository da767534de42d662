import { MayflyError, messageOf } from '../../lib/index.ts'
import { integrityOfHex, type Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import { keepOnly, type Exchange, type HttpHandler, type Permission, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { createPermitOnce } from '../once.ts'
import { deny, passFailure, refuse } from './answer.ts'
import { indexed, passIndex } from './index-file.ts'
import { pinnedAt } from './pinned-crate.ts'
import { createPublisher } from './publish.ts'
import { configFor, createRegistryReader, placeOf } from './registry.ts'
import { routeOf, type DownloadRoute } from './route.ts'

/**
 * The protocol of Cargo registries with a sparse index. Downloading: crates that Cargo.lock has, each held against its checksum.
 * Resolving: any crate that the role names, held against what the index says. Publishing: new versions of crates that the role
 * names. Refuses search, yanking and owners, and what it does not know: a name that was asked for is a message that was sent.
 */
export function createCargoHandler(): HttpHandler {
  const permitOnce = createPermitOnce()
  const registryOf = createRegistryReader()
  const publish = createPublisher(registryOf)

  /** Names no crate: for whoever may do anything with the registry. */
  async function passConfig(exchange: Exchange): Promise<void> {
    const { connection, response } = exchange
    const may = (action: string) =>
      exchange.would({ action, connection: connection.name, path: '' }, { anyRef: true, granted: true })
    const action = !may('cargo:download') && may('cargo:publish') ? 'cargo:publish' : 'cargo:download'
    const permit = await permitOnce(exchange, action)
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    const registry = await registryOf(exchange, permit)
    if (registry === undefined)
      return deny(exchange, 'the registry has no config.json: its url is that of a sparse index')
    response.setHeader('content-type', 'application/json')
    response.end(configFor(exchange, registry))
  }

  async function passCrate(exchange: Exchange, route: DownloadRoute): Promise<void> {
    const { crate: path, version, spelled } = route
    const { name: connection } = exchange.connection
    const download = { action: 'cargo:download', connection, path, ref: version }
    const pins = await exchange.pins()
    const pinned = pins === undefined ? undefined : pinnedAt(exchange, pins, route)
    if (pinned !== undefined && pins !== undefined) {
      if (!pinned.ok) return deny(exchange, pinned.why)
      const permit = await exchange.permitPinned(download, pins)
      if (!permit.allow) return refuse(exchange, 403, permit.message)
      return passFile(exchange, permit, route, pinned.integrity, 'lockfile')
    }
    const resolve = { action: 'cargo:resolve', connection, path }
    if (!exchange.would(resolve)) return denyUnpinned(exchange, download, pins)
    const permit = await exchange.permit(resolve, { cargo: { version } })
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    const found = await indexed(exchange, permit, path, (one) => one === version)
    if (found === undefined || found.name !== spelled)
      return deny(exchange, 'the index does not have this version')
    if (found.cksum === '') return deny(exchange, 'the index has no checksum of it')
    return passFile(exchange, permit, route, integrityOfHex('sha256', found.cksum), 'registry')
  }

  async function passFile(
    exchange: Exchange,
    permit: Permit,
    route: DownloadRoute,
    integrity: string,
    by: 'lockfile' | 'registry',
  ): Promise<void> {
    const registry = await registryOf(exchange, permit)
    if (registry === undefined) return deny(exchange, 'the registry has no config.json')
    const sha256 = Buffer.from(integrity.slice('sha256-'.length), 'base64').toString('hex')
    const upstream = await follow(exchange, permit, placeOf(registry, route, sha256))
    if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
    keepOnly(upstream, ['content-length', 'last-modified'])
    exchange.response.setHeader('content-type', 'application/gzip')
    const { spelled, version } = route
    const purl = `pkg:cargo/${spelled}@${encodeURIComponent(version)}`
    await exchange.deliver(upstream, { purl, what: `${spelled}@${version}`, integrity, by })
  }

  return async (exchange) => {
    const { request, path, query } = exchange
    const route = query === '' ? routeOf(request.method ?? '', path) : undefined
    try {
      if (route === undefined)
        return deny(
          exchange,
          'only the sparse index, crates and cargo publish pass here: no search, yank or owners',
        )
      if (route.kind === 'config') return await passConfig(exchange)
      if (route.kind === 'publish') return await publish(exchange)
      if (route.kind === 'download') return await passCrate(exchange, route)
      const permit = await permitIndex(exchange, route.crate)
      if (permit !== undefined) await passIndex(exchange, permit)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      deny(exchange, messageOf(error))
    }
  }
}

/** Undefined: it was refused, and that is answered. */
async function permitIndex(exchange: Exchange, crate: string): Promise<Permit | undefined> {
  const of = (action: string) => ({ action, connection: exchange.connection.name, path: crate })
  const pins = await exchange.pins()
  const permission = await permitReading(exchange, of, pins)
  if (permission === undefined) denyUnpinned(exchange, of('cargo:download'), pins)
  else if (permission.allow) return permission
  else refuse(exchange, 403, permission.message)
  return undefined
}

async function permitReading(
  exchange: Exchange,
  of: (action: string) => Operation,
  pins: Pins | undefined,
): Promise<Permission | undefined> {
  const download = of('cargo:download')
  if (pins?.has('cargo', download.path) === true)
    // The index of a crate names no version: a grant for some of them lets it be read.
    return exchange.would(download, { granted: true })
      ? exchange.permitPinned(download, pins)
      : exchange.permit(download, {}, { anyRef: true })
  const resolve = of('cargo:resolve')
  // cargo publish waits until its crate is there.
  const publish = of('cargo:publish')
  const publishes = exchange.would(publish, { anyRef: true, granted: true })
  if (publishes && !exchange.would(resolve, { granted: true }))
    return exchange.permit(publish, {}, { anyRef: true })
  return exchange.would(resolve) ? exchange.permit(resolve, {}) : undefined
}

function denyUnpinned(exchange: Exchange, download: Operation, pins: Pins | undefined): void {
  // Whether the role may download at all comes before what is missing for it.
  const denial = exchange.precheck(download)
  if (denial !== undefined) return refuse(exchange, 403, denial.message)
  const { path, ref = '' } = download
  const what =
    pins === undefined ? 'the step has no Cargo.lock' : `Cargo.lock does not have ${path} ${ref}`.trim()
  const { name } = exchange.connection
  const more = `a role that may add crates has "cargo:resolve ${name}"`
  // cargo publish begins by reading what there is of its crate.
  const publishing = ref === '' ? `, one that publishes this "cargo:publish ${name}/${path}@VERSION"` : ''
  deny(exchange, `${what}: commit it; ${more}${publishing}`)
}
