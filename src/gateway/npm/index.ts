import { pipeline } from 'node:stream/promises'
import { messageOf } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { joinIntegrity, type Pin, type Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import { copyHead, discard, pickHeaders, plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import { strongest } from '../verified-body.ts'

/**
 * The npm registry protocol, as far as `npm ci` speaks it: packuments and tarballs of what the run's lockfile
 * pins, each tarball held against its digest. Refuses publishing, search, and every package not in the lockfile
 * (a name that was asked for is a message that was sent).
 */
export function createNpmHandler(): HttpHandler {
  return async (exchange) => install(exchange, await exchange.pins())
}

type Route =
  | { kind: 'packument'; name: string }
  | { kind: 'tarball'; name: string; version: string; integrity: string }

async function install(exchange: Exchange, pins: Pins | undefined): Promise<void> {
  const { connection, request, response, path } = exchange
  const what = `npm ${request.method} ${connection.name}${path}`
  if (request.method !== 'GET' || exchange.query !== '') {
    return plainAnswer(
      response,
      403,
      exchange.deny(what, 'only what `npm ci` reads passes here: packages of the lockfile'),
    )
  }
  // Whether the role may install at all comes before what is missing for it.
  const asked = packageIn(path)
  const denial = asked === undefined ? undefined : exchange.precheck(operationOf(exchange, asked))
  if (denial !== undefined) return plainAnswer(response, 403, denial.message)
  if (pins === undefined) {
    return plainAnswer(
      response,
      403,
      exchange.deny(
        what,
        'the step has no lockfile (package-lock.json): packages are installed by lockfile only (npm ci)',
      ),
    )
  }
  const route = routeOf(path, pins)
  if (typeof route === 'string') return plainAnswer(response, 403, exchange.deny(what, route))
  const permit = await exchange.permitPinned(operationOf(exchange, route.name), pins)
  if (!permit.allow) return plainAnswer(response, 403, permit.message)
  const upstream = await exchange.send(permit, {
    method: 'GET',
    path,
    headers: requestHeaders(exchange, route),
  })
  const { statusCode = 0 } = upstream
  if (!answers[route.kind].has(statusCode)) {
    discard(upstream)
    const why = statusCode === 401 ? ': an operator must renew its secret' : ''
    return plainAnswer(response, 502, exchange.deny(what, `the registry answered ${statusCode}${why}`))
  }
  if (route.kind === 'tarball' && statusCode === 404) {
    discard(upstream)
    return plainAnswer(response, 404, `mayfly: the registry does not have ${route.name}@${route.version}`)
  }
  if (route.kind === 'packument') {
    copyHead(upstream, response)
    return pipeline(upstream, response)
  }
  const { name, version, integrity } = route
  const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`
  await exchange.deliver(upstream, { purl, what: `${name}@${version}`, integrity })
}

/** Statuses that may pass; npm and curl take any other of the two hundreds for success, too. */
const answers: Record<Route['kind'], ReadonlySet<number>> = {
  packument: new Set([200, 304, 404]),
  tarball: new Set([200, 404]),
}

function requestHeaders(exchange: Exchange, route: Route): Record<string, string> {
  const picked = pickHeaders(exchange.request, ['accept', 'accept-encoding', 'if-none-match', 'user-agent'])
  // The digest is of the tarball itself, so it must not come in another encoding.
  return route.kind === 'tarball'
    ? { 'user-agent': picked['user-agent'] ?? 'npm', 'accept-encoding': 'identity' }
    : picked
}

function operationOf({ connection }: Exchange, name: string): Operation {
  return { action: 'npm:install', connection: connection.name, path: name }
}

const tarballPath = /^(?<name>(?:@[a-z0-9._~-]+\/)?[a-z0-9._~-]+)\/-\/(?<file>[a-z0-9._~+-]+)\.tgz$/i

/** The package that a path is about, whether or not it is pinned. */
function packageIn(path: string): string | undefined {
  const plain = path.replace(/%2f/gi, '/').slice(1)
  const name = tarballPath.exec(plain)?.groups?.['name'] ?? plain
  return kinds.npm.path.form.is(name) ? name : undefined
}

/** What the path names, if the lockfile pins it; else why not. */
function routeOf(path: string, pins: Pins): Route | string {
  const plain = path.replace(/%2f/gi, '/').slice(1)
  const tarball = tarballPath.exec(plain)?.groups
  if (tarball === undefined) {
    if (!kinds.npm.path.form.is(plain)) return 'it is neither a package nor a tarball'
    return pins.has('npm', plain)
      ? { kind: 'packument', name: plain }
      : `the run's lockfile does not pin ${plain}`
  }
  const { name = '', file = '' } = tarball
  const base = `${name.slice(name.indexOf('/') + 1)}-`
  const version = file.startsWith(base) ? file.slice(base.length) : ''
  const integrity = integrityOf(pins.of('npm', name, version))
  if (integrity === undefined)
    return `the run's lockfile does not pin ${name}@${version === '' ? file : version}`
  return integrity.ok
    ? { kind: 'tarball', name, version, integrity: integrity.value }
    : `${name}@${version}: ${integrity.why}`
}

type Integrity = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly why: string }

/** What the pins of one version say together that its bytes are; undefined if there is none. */
function integrityOf(pins: readonly Pin[]): Integrity | undefined {
  const [first, ...others] = pins
  if (first === undefined) return undefined
  const value = others.reduce<string | undefined>(
    (joined, pin) => (joined === undefined ? undefined : joinIntegrity(joined, pin.integrity)),
    first.integrity,
  )
  if (value === undefined) return { ok: false, why: 'two lockfiles of the workspace pin it to two digests' }
  if (value === '') return { ok: false, why: 'the lockfile has no integrity for it: make its entry anew' }
  try {
    strongest(value)
    return { ok: true, value }
  } catch (error) {
    return { ok: false, why: messageOf(error) }
  }
}
