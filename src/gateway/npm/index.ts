import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf, type StepId } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import { stepEvent, type Step, type StoredLockfiles } from '../../broker/index.ts'
import { kinds } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import { copyHead, discard, pickHeaders, plainAnswer, type Exchange, type HttpHandler } from '../exchange.ts'
import type { Pins } from './lockfile.ts'
import { createLockfileReader } from './lockfile-thread.ts'
import { strongest, verifyingBody } from './verified-body.ts'

export interface NpmHandler {
  readonly handle: HttpHandler
  /** The first lockfile of a step is the one that counts: an install script cannot widen it afterwards. */
  pin(step: Step, text: string): Promise<{ packages: number; digest: string }>
  forget(step: StepId): void
}

/**
 * The npm registry protocol, as far as `npm ci` speaks it: packuments and tarballs of what the run's lockfile
 * pins, each tarball held against its digest. Refuses publishing, search, and every package not in the lockfile
 * (a name that was asked for is a message that was sent).
 */
export function createNpmHandler(deps: {
  audit: AuditClient
  lockfiles?: StoredLockfiles | undefined
}): NpmHandler {
  const { lockfiles } = deps
  const pinned = new Map<StepId, Promise<Pins>>()
  const readPins = createLockfileReader()

  function remember(step: StepId, make: () => Promise<Pins>): Promise<Pins> {
    const known = pinned.get(step)
    if (known !== undefined) return known
    const pins = make()
    pinned.set(step, pins)
    pins.catch(() => pinned.delete(step))
    return pins
  }

  /** Of a step that pinned before this process was there, too. */
  async function pinsOf(step: StepId): Promise<Pins | undefined> {
    const known = pinned.get(step)
    if (known !== undefined) return known
    const text = await lockfiles?.load(step)
    return text === undefined ? pinned.get(step) : remember(step, () => readPins(text))
  }

  async function pinFirst(step: Step, text: string): Promise<Pins> {
    const before = await lockfiles?.load(step.id)
    if (before !== undefined) return readPins(before)
    const pins = await readPins(text)
    const { packages, digest } = pins
    await deps.audit.append(stepEvent(step, 'lockfile.pinned', { packages, sha256: digest }))
    await lockfiles?.keep(step.id, text)
    return pins
  }

  return {
    handle: async (exchange) => install(exchange, await pinsOf(exchange.step)),
    async pin(step, text) {
      const { packages, digest } = await remember(step.id, () => pinFirst(step, text))
      return { packages, digest }
    },
    forget: (step) => void pinned.delete(step),
  }
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
        'the step has no package-lock.json: packages are installed by lockfile only (npm ci)',
      ),
    )
  }
  const route = routeOf(path, pins)
  if (typeof route === 'string') return plainAnswer(response, 403, exchange.deny(what, route))
  const detail =
    route.kind === 'tarball'
      ? { npm: { package: route.name, version: route.version, integrity: route.integrity } }
      : { npm: { package: route.name } }
  const permit = await exchange.permit(operationOf(exchange, route.name), detail)
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
  copyHead(upstream, response)
  if (route.kind === 'packument') return pipeline(upstream, response)
  return passVerified(exchange, route, upstream, what)
}

/** Statuses that may pass; npm and curl take any other of the two hundreds for success, too. */
const answers: Record<Route['kind'], ReadonlySet<number>> = {
  packument: new Set([200, 304, 404]),
  tarball: new Set([200, 404]),
}

async function passVerified(
  exchange: Exchange,
  route: Route & { kind: 'tarball' },
  upstream: IncomingMessage,
  what: string,
): Promise<void> {
  const { response } = exchange
  try {
    await pipeline(upstream, verifyingBody(`${route.name}@${route.version}`, route.integrity), response)
  } catch (error) {
    response.destroy()
    if (!(error instanceof MayflyError)) {
      throw new MayflyError('upstream_unreachable', messageOf(error), { cause: error })
    }
    exchange.deny(what, error.message)
  }
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
    return pins.has(plain) ? { kind: 'packument', name: plain } : `the run's lockfile does not pin ${plain}`
  }
  const { name = '', file = '' } = tarball
  const base = `${name.slice(name.indexOf('/') + 1)}-`
  const version = file.startsWith(base) ? file.slice(base.length) : ''
  const integrity = pins.integrity(name, version)
  if (integrity === undefined)
    return `the run's lockfile does not pin ${name}@${version === '' ? file : version}`
  try {
    strongest(integrity)
  } catch (error) {
    return messageOf(error)
  }
  return { kind: 'tarball', name, version, integrity }
}
