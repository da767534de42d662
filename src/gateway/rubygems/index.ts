import { MayflyError, messageOf } from '../../lib/index.ts'
import { integrityOfHex, joinIntegrity, type Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import {
  discard,
  keepOnly,
  type Exchange,
  type HttpHandler,
  type Permission,
  type Permit,
} from '../exchange.ts'
import { follow } from '../follow.ts'
import { createPermitOnce } from '../once.ts'
import { deny, passFailure, refuse } from './answer.ts'
import { checksumsOf } from './info.ts'
import { createPublisher } from './publish.ts'
import { releasesIn, routeOf, type Release, type Route, purlOf } from './route.ts'

/**
 * Registries of Ruby gems, as bundler and gem speak to them. Installing: gems that Gemfile.lock has, each held against its
 * checksum, or the index's where bundler wrote none. Resolving: any gem that the role names. Publishing: new versions of gems that
 * the role names, by the file's own metadata. Refuses search, yanking, owners and keys, and what it does not know.
 */
export function createRubygemsHandler(): HttpHandler {
  const permitOnce = createPermitOnce()
  const publish = createPublisher()

  /** The names of all gems: for whoever may do anything with the registry; it names none. */
  async function passNames(exchange: Exchange, kind: 'root' | 'names'): Promise<void> {
    const { connection, request } = exchange
    const may = (action: string) =>
      exchange.would({ action, connection: connection.name, path: '' }, { anyRef: true })
    const action =
      !may('rubygems:install') && may('rubygems:publish') ? 'rubygems:publish' : 'rubygems:install'
    const permit = await permitOnce(exchange, action)
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    // gem asks whether it is there at all, before it asks for anything of it.
    if (kind === 'root') return void exchange.response.writeHead(200).end()
    const upstream = await follow(exchange, permit, exchange.path)
    if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
    keepOnly(upstream, ['content-length', 'content-type', 'etag', 'last-modified'])
    if (request.method !== 'HEAD') return exchange.relay(upstream)
    discard(upstream)
    exchange.response.writeHead(200).end()
  }

  return async (exchange) => {
    const { request, path, query } = exchange
    const route = query === '' ? routeOf(request.method ?? '', path) : undefined
    try {
      if (route === undefined)
        return deny(exchange, 'only the index, gems and gem push pass here: no search, yank, owners or keys')
      if (route.kind === 'root' || route.kind === 'names') return await passNames(exchange, route.kind)
      if (route.kind === 'publish') return await publish(exchange)
      if (route.kind === 'info') return await passInfo(exchange, route.gem)
      await passFile(exchange, route)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      deny(exchange, messageOf(error))
    }
  }
}

async function passInfo(exchange: Exchange, gem: string): Promise<void> {
  const pins = await exchange.pins()
  const permit = await permitReading(exchange, gem, pins)
  if (permit === undefined)
    return denyUnpinned(exchange, operationOf(exchange, 'rubygems:install', gem), pins)
  if (!permit.allow) return refuse(exchange, 403, permit.message)
  const upstream = await follow(exchange, permit, exchange.path)
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  keepOnly(upstream, ['content-length', 'content-type', 'etag', 'last-modified'])
  await exchange.relay(upstream)
}

async function permitReading(
  exchange: Exchange,
  gem: string,
  pins: Pins | undefined,
): Promise<Permission | undefined> {
  const install = operationOf(exchange, 'rubygems:install', gem)
  if (pins?.has('gem', gem) === true)
    // The index of a gem names no version: a grant for some of them lets it be read.
    return exchange.would(install)
      ? exchange.permitPinned(install, pins)
      : exchange.permit(install, {}, { anyRef: true })
  for (const action of ['rubygems:resolve', 'rubygems:publish']) {
    const operation = operationOf(exchange, action, gem)
    if (exchange.would(operation, { anyRef: true })) return exchange.permit(operation, {}, { anyRef: true })
  }
  return undefined
}

async function passFile(exchange: Exchange, route: Extract<Route, { kind: 'file' }>): Promise<void> {
  const pins = await exchange.pins()
  const readings = releasesIn(route.full)
  const [first] = readings
  if (first === undefined) return deny(exchange, 'this names no version of a gem')
  const pinned = readings.find(({ gem, written }) => (pins?.of('gem', gem, written) ?? []).length > 0)
  if (pinned !== undefined && pins !== undefined) {
    const install = operationOf(exchange, 'rubygems:install', pinned.gem, pinned.version)
    const permit = await exchange.permitPinned(install, pins)
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    const found = pins.of('gem', pinned.gem, pinned.written)
    if (found.some((pin) => pin.integrity === '' && pin.byRegistry !== true))
      return deny(
        exchange,
        'Gemfile.lock has no SHA-256 of it: run bundle lock --add-checksums, and commit it',
      )
    const integrity = found.reduce<string | undefined>(
      (joined, pin) => (joined === undefined ? undefined : joinIntegrity(pin.integrity, joined)),
      '',
    )
    if (integrity === undefined) return deny(exchange, 'two Gemfile.lock files of the workspace differ')
    return passRelease(exchange, permit, route, pinned, integrity)
  }
  for (const one of readings) {
    const resolve = operationOf(exchange, 'rubygems:resolve', one.gem)
    if (!exchange.would(resolve)) continue
    const permit = await exchange.permit(resolve, { rubygems: { version: one.written } })
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    if ((await checksumsOf(exchange, permit, one.gem)).has(one.written))
      return passRelease(exchange, permit, route, one, '')
  }
  denyUnpinned(exchange, operationOf(exchange, 'rubygems:install', first.gem, first.version), pins)
}

/** `integrity`: empty where the lockfile has none, and the index's word counts. */
async function passRelease(
  exchange: Exchange,
  permit: Permit,
  { file, full }: Extract<Route, { kind: 'file' }>,
  { gem, written, version }: Release,
  integrity: string,
): Promise<void> {
  if (file === 'gemspec') {
    // What a gem says of itself, as the index says it, too: it has no digest of its own.
    const upstream = await follow(exchange, permit, exchange.path)
    if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
    keepOnly(upstream, ['content-length', 'content-type', 'last-modified'])
    return exchange.relay(upstream)
  }
  const hex = integrity === '' ? (await checksumsOf(exchange, permit, gem)).get(written) : undefined
  if (integrity === '' && hex === undefined)
    return deny(exchange, 'neither Gemfile.lock nor the index has a checksum of it')
  const download = {
    purl: purlOf({ gem, written, version }),
    what: full,
    integrity: hex === undefined ? integrity : integrityOfHex('sha256', hex),
    by: hex === undefined ? 'lockfile' : 'registry',
  } as const
  if (await exchange.deliverKept(permit, download)) return
  const upstream = await follow(exchange, permit, exchange.path)
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  keepOnly(upstream, ['content-length', 'content-type', 'last-modified'])
  await exchange.deliver(upstream, download)
}

function operationOf({ connection }: Exchange, action: string, path: string, version?: string): Operation {
  return { action, connection: connection.name, path, ...(version === undefined ? {} : { ref: version }) }
}

function denyUnpinned(exchange: Exchange, install: Operation, pins: Pins | undefined): void {
  // Whether the role may install at all comes before what is missing for it.
  const denial = exchange.would(install, { anyRef: true }) ? undefined : exchange.precheck(install)
  if (denial !== undefined) return refuse(exchange, 403, denial.message)
  const what =
    pins === undefined
      ? 'the step has no Gemfile.lock'
      : `Gemfile.lock does not have ${install.path} ${install.ref ?? ''}`.trim()
  deny(
    exchange,
    `${what}: commit it; a role that may add gems has "rubygems:resolve ${exchange.connection.name}"`,
  )
}
