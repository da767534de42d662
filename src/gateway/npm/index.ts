import type { Clock } from '../../lib/index.ts'
import type { Pins } from '../../lockfiles/index.ts'
import type { Exchange, HttpHandler, Permit } from '../exchange.ts'
import { standIn } from '../trusted-publishing.ts'
import { refuse } from './answer.ts'
import { createDistsOfSteps, type Dists } from './dists.ts'
import { passPackument } from './packument.ts'
import { createPublisher } from './publish.ts'
import { passAdvisories, passStatement } from './reads.ts'
import { routeOf, type Part } from './route.ts'
import { fileOf, passTarball, pinnedDigest, type File } from './tarball.ts'

/**
 * The npm registry protocol, as npm, pnpm, yarn and bun speak it. Installing: the files that the step's lockfiles pin, each held
 * against its digest. Resolving: any package that the role names, its files held against what the registry said of them.
 * Publishing: one new version at a time. Refuses search, accounts, tokens, and whatever else it does not know: a name that was
 * asked for is a message that was sent.
 */
export function createNpmHandler({ clock }: { clock: Clock }): HttpHandler {
  const distsOf = createDistsOfSteps()
  const publish = createPublisher()
  return async (exchange) => {
    const { request, path, query } = exchange
    const route = routeOf(request.method ?? '', path, query)
    if (route.kind === 'publish' || route.kind === 'stage') return publish(exchange, route)
    if (route.kind === 'exchange') return giveStandIn(exchange, route.name)
    if (route.kind === 'advisories') return passAdvisories(exchange)
    const [pins, dists] = [await exchange.pins(), distsOf(exchange.ofStep)]
    const file = request.method === 'GET' ? fileOf(exchange, pins, dists) : undefined
    if (typeof file === 'string') return deny(exchange, file)
    if (file !== undefined) return tarball(exchange, pins, dists, file)
    if (route.kind === 'packument') return packument(exchange, pins, { dists, clock }, route)
    // The keys are the registry's own: for whoever asked it about a package.
    const about =
      route.kind === 'attestations'
        ? route.name
        : route.kind === 'keys'
          ? dists.anyName(exchange.connection)
          : undefined
    if (about !== undefined) return statement(exchange, pins, about)
    deny(
      exchange,
      'only what package managers need to install and publish passes here: packages, their files, and new versions',
    )
  }
}

/**
 * npm exchanges an identity token of the CI by itself where it sees one. That one goes nowhere, and what npm gets opens nothing:
 * it publishes with it on this connection, where the gateway leaves it out and adds what it holds.
 */
async function giveStandIn(exchange: Exchange, name: string): Promise<void> {
  const { connection, response } = exchange
  if (connection.trustedPublishing === undefined)
    return deny(
      exchange,
      `connection "${connection.name}" has no trusted_publishing: the gateway adds its credential, publish with any token`,
    )
  const publishing = publishingOf(exchange, name)
  const denial = exchange.would(publishing, { anyRef: true }) ? undefined : exchange.precheck(publishing)
  if (denial !== undefined) return refuse(exchange, 403, denial.message)
  const body = Buffer.from(JSON.stringify({ token: standIn }))
  response.writeHead(201, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

/** As what a step may publish it: staging is less, and a grant of its own. */
function publishingOf(exchange: Exchange, path: string): Parameters<Exchange['permit']>[0] {
  const staging = { action: 'npm:stage', connection: exchange.connection.name, path }
  const publishing = { ...staging, action: 'npm:publish' }
  const onlyStages =
    !exchange.would(publishing, { anyRef: true }) && exchange.would(staging, { anyRef: true })
  return onlyStages ? staging : publishing
}

async function packument(
  exchange: Exchange,
  pins: Pins | undefined,
  known: { readonly dists: Dists; readonly clock: Clock },
  { name, part }: { readonly name: string; readonly part: Part },
): Promise<void> {
  const publishing = publishingOf(exchange, name)
  // Whoever publishes a package looks first which versions it has.
  if (
    pins?.has('npm', name) !== true &&
    !mayResolve(exchange, name, { granted: true }) &&
    exchange.would(publishing, { anyRef: true, granted: true })
  ) {
    const permit = await exchange.permit(publishing, { npm: { package: name } }, { anyRef: true })
    return permit.allow
      ? passPackument(exchange, known, permit, { name, part })
      : refuse(exchange, 403, permit.message)
  }
  // Whoever may resolve sees what there is to choose from, of a package that is pinned now, too.
  const isPinned = pins?.has('npm', name) === true && !mayResolve(exchange, name, { granted: true })
  const permit = await permitFor(exchange, pins, { name, what: name, isPinned }, { package: name })
  if (permit !== undefined) await passPackument(exchange, known, permit, { name, part })
}

async function statement(exchange: Exchange, pins: Pins | undefined, name: string): Promise<void> {
  const asked = { name, what: name, isPinned: pins?.has('npm', name) === true }
  const permit = await permitFor(exchange, pins, asked, { package: name })
  if (permit !== undefined) await passStatement(exchange, permit)
}

async function tarball(exchange: Exchange, pins: Pins | undefined, dists: Dists, file: File): Promise<void> {
  const { name, version } = file
  const what = `${name}@${version}`
  const digest = pinnedDigest(file)
  if (digest !== 'registry' && !digest.ok) return deny(exchange, `${what}: ${digest.why}`)
  const integrity = digest === 'registry' ? {} : { integrity: digest.integrity }
  const detail = { package: name, version, ...integrity }
  const permit = await permitFor(exchange, pins, { name, what, isPinned: file.pins.length > 0 }, detail)
  if (permit !== undefined) await passTarball(exchange, dists, permit, file, digest)
}

/** What is pinned is installed; anything else is resolved, if the role may. Undefined: it was refused, and that is answered. */
async function permitFor(
  exchange: Exchange,
  pins: Pins | undefined,
  asked: { readonly name: string; readonly what: string; readonly isPinned: boolean },
  detail: Readonly<Record<string, string>>,
): Promise<Permit | undefined> {
  const { connection } = exchange
  const { name, what, isPinned } = asked
  const install = { action: 'npm:install', connection: connection.name, path: name }
  if (!isPinned && !mayResolve(exchange, name)) {
    // Whether the role may install at all comes before what is missing for it.
    const denial = exchange.precheck(install)
    if (denial === undefined) deny(exchange, unpinned(pins, name, what, connection.name))
    else refuse(exchange, 403, denial.message)
    return undefined
  }
  const permit =
    isPinned && pins !== undefined
      ? await exchange.permitPinned(install, pins)
      : await exchange.permit({ ...install, action: 'npm:resolve' }, { npm: detail })
  if (permit.allow) return permit
  refuse(exchange, 403, permit.message)
  return undefined
}

function unpinned(pins: Pins | undefined, name: string, what: string, connection: string): string {
  const more = `a role that may add packages has "npm:resolve ${connection}"`
  return pins === undefined
    ? `the step has no lockfile (package-lock.json, pnpm-lock.yaml, yarn.lock, bun.lock), and installs what that pins: ${more}`
    : `the run's lockfile does not pin ${what}${pins.unreadAbout(name)}: ${more}`
}

function mayResolve(exchange: Exchange, name: string, options?: { granted: true }): boolean {
  return exchange.would({ action: 'npm:resolve', connection: exchange.connection.name, path: name }, options)
}

function deny(exchange: Exchange, reason: string): void {
  const { request, connection, path } = exchange
  refuse(exchange, 403, exchange.deny(`npm ${request.method} ${connection.name}${path}`, reason))
}
