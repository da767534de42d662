import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import { plainAnswer, type Exchange, type HttpHandler, type Permit } from '../exchange.ts'
import { createPermitOnce } from '../once.ts'
import { passFile } from './file.ts'
import { pinnedBy, type PinnedModule } from './pinned-module.ts'
import type { ExpectedSum } from './mod-check.ts'
import { routeOf, type FileRoute, type ModuleRoute, type Route, type TreeRoute } from './route.ts'
import { createSumdbClient } from './sumdb-client.ts'
import type { SumdbHeads } from './sumdb.ts'
import { passText } from './text.ts'
import { createSpool } from './zip-check.ts'

/** Heads of checksum databases for as long as this process runs, where no store keeps them. */
export { createTreeHeads } from './tree-heads.ts'

/**
 * The protocol of Go module proxies, GOPROXY, and the checksum database that is reached through one. Downloading: the modules that
 * go.sum has, each go.mod and each zip file held against its line. Resolving: any module that the role names, held against the
 * connection's checksum database. Refuses everything else: a name that was asked for is a message that was sent.
 */
export function createGoHandler({ heads }: { heads: SumdbHeads }): HttpHandler {
  const spool = createSpool()
  const permitOnce = createPermitOnce()
  const sumdb = createSumdbClient({ heads })

  async function pass(
    exchange: Exchange,
    permit: Permit,
    route: ModuleRoute,
    pinned?: PinnedModule,
  ): Promise<void> {
    if (route.kind === 'lookup')
      return passText(exchange, permit, route, (bytes) => sumdb.hold(exchange, permit, route, bytes))
    if (route.kind !== 'mod' && route.kind !== 'zip') return passText(exchange, permit, route)
    const pin = pinned?.[route.kind]
    const expected =
      pin === undefined ? await ofSumdb(exchange, permit, route) : ({ sum: pin, by: 'lockfile' } as const)
    return passFile(exchange, permit, route, expected, spool)
  }

  async function ofSumdb(
    exchange: Exchange,
    permit: Permit,
    { kind, module, version }: FileRoute,
  ): Promise<ExpectedSum | undefined> {
    const sums = await sumdb.sums(exchange, permit, module, version)
    if (sums === undefined) return undefined
    const sum = sums[kind]
    if (sum !== undefined) return { sum, by: 'sumdb' }
    throw new MayflyError(
      'denied',
      `the checksum database has no digest of the ${kind} of ${module}@${version}`,
    )
  }

  async function passModule(exchange: Exchange, route: ModuleRoute): Promise<void> {
    const { connection, response } = exchange
    const pins = await exchange.pins()
    const pinned = pinnedBy(pins, route)
    const { module: path } = route
    const ref = 'version' in route ? { ref: route.version } : {}
    const download = { action: 'go:download', connection: connection.name, path, ...ref }
    if (pinned !== undefined && pins !== undefined) {
      if (pinned.contradicts) return deny(exchange, 'two go.sum files of the workspace differ')
      const permit = await exchange.permitPinned(download, pins)
      return permit.allow ? pass(exchange, permit, route, pinned) : plainAnswer(response, 403, permit.message)
    }
    const resolve = { action: 'go:resolve', connection: connection.name, path }
    if (!exchange.would(resolve)) return denyUnpinned(exchange, download, pins)
    const permit = await exchange.permit(resolve, detailOf(exchange, route))
    return permit.allow ? pass(exchange, permit, route) : plainAnswer(response, 403, permit.message)
  }

  return async (exchange) => {
    const { request, response, path, query } = exchange
    const route = request.method === 'GET' && query === '' ? routeOf(path) : undefined
    if (route === undefined)
      return deny(exchange, 'only what go reads from a proxy passes here: /MODULE/@v/... and /sumdb/...')
    try {
      const foreign = 'database' in route ? sumdb.foreign(exchange, route) : undefined
      if (foreign !== undefined) return deny(exchange, foreign)
      if (!isOfTree(route)) return await passModule(exchange, route)
      // The tree is read in pieces, which name no module.
      const permit = await permitOnce(exchange, 'go:resolve')
      if (!permit.allow) return plainAnswer(response, 403, permit.message)
      await passText(exchange, permit, route, (bytes) => sumdb.hold(exchange, permit, route, bytes))
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      deny(exchange, messageOf(error))
    }
  }
}

function isOfTree(route: Route): route is TreeRoute {
  return route.kind === 'supported' || route.kind === 'signed' || route.kind === 'tile'
}

function detailOf({ connection }: Exchange, route: ModuleRoute): Record<string, unknown> {
  if (!('version' in route)) return {}
  const isFile = route.kind === 'mod' || route.kind === 'zip'
  const unheld = isFile && connection.sumdb?.verifier === undefined ? { sumdb: 'off' } : {}
  return { go: { version: route.version, ...unheld } }
}

function denyUnpinned(exchange: Exchange, download: Operation, pins: Pins | undefined): void {
  // Whether the role may download at all comes before what is missing for it.
  const denial = exchange.precheck(download)
  if (denial !== undefined) return plainAnswer(exchange.response, 403, denial.message)
  const { path, ref = '' } = download
  const what = pins === undefined ? 'the step has no go.sum' : `go.sum does not have ${path} ${ref}`.trim()
  const { name } = exchange.connection
  deny(
    exchange,
    `${what}: run go mod tidy and commit it; a role that may add modules has "go:resolve ${name}"`,
  )
}

function deny(exchange: Exchange, reason: string): void {
  const { request, response, connection, path } = exchange
  const what = `go ${request.method} ${connection.name}${path}`
  // What was found in an answer has its entry already.
  plainAnswer(response, 403, reason.startsWith('mayfly: refused: ') ? reason : exchange.deny(what, reason))
}
