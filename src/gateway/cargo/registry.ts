import { MayflyError } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { discard } from '../exchange.ts'
import { follow } from '../follow.ts'
import { prefixOf, type DownloadRoute } from './route.ts'

/** What a registry's config.json says. */
export interface Registry {
  /** Where crates are: a template, or what `/NAME/VERSION/download` is put behind. */
  readonly dl: string
  /** Where its web API is, if it has one. */
  readonly api: URL | undefined
}

const maxConfigBytes = 65_536

/** Asks a registry for its config.json, once for a step. Undefined if it has none. Throws `denied`. */
export type RegistryReader = (exchange: Exchange, permit: Permit) => Promise<Registry | undefined>

export function createRegistryReader(): RegistryReader {
  const ofSteps = new WeakMap<object, Map<string, Promise<Registry | undefined>>>()
  return (exchange, permit) => {
    const known = ofSteps.get(exchange.ofStep) ?? new Map<string, Promise<Registry | undefined>>()
    ofSteps.set(exchange.ofStep, known)
    const { name } = exchange.connection
    const reading = known.get(name) ?? readConfig(exchange, permit)
    known.set(name, reading)
    reading.catch(() => known.delete(name))
    return reading
  }
}

async function readConfig(exchange: Exchange, permit: Permit): Promise<Registry | undefined> {
  const upstream = await follow(exchange, permit, '/config.json')
  if (upstream.statusCode !== 200) {
    discard(upstream)
    if (upstream.statusCode === 404) return undefined
    throw new MayflyError('denied', `the registry answers config.json with ${upstream.statusCode}`)
  }
  const { dl, api } = jsonOf(await exchange.read(upstream, maxConfigBytes))
  // A host that has a web API alone answers every path with a page.
  if (typeof dl !== 'string') return undefined
  return { dl, api: typeof api === 'string' ? (URL.parse(api) ?? undefined) : undefined }
}

/** The config.json that the step is given: everything that this connection has, it finds here; a token it never needs. */
export function configFor({ connection }: Exchange, { api }: Registry): string {
  const url = connection.url.replace(/\/+$/, '')
  // Publishing to another host is for a connection of its own, which has a credential for it.
  const own = api === undefined || api.host === new URL(url).host ? url : api.href.replace(/\/+$/, '')
  return JSON.stringify({ dl: `${url}/api/v1/crates`, ...(api === undefined ? {} : { api: own }) })
}

/** Where the file of a version is. Throws `denied`. */
export function placeOf({ dl }: Registry, { spelled, version, crate }: DownloadRoute, sha256: string): URL {
  const markers: Readonly<Record<string, string>> = {
    '{crate}': spelled,
    '{version}': version,
    '{prefix}': prefixOf(spelled),
    '{lowerprefix}': prefixOf(crate),
    '{sha256-checksum}': sha256,
  }
  const filled = dl.replaceAll(/\{[a-z0-9-]+\}/g, (marker) => markers[marker] ?? marker)
  const url = URL.parse(filled === dl ? `${dl.replace(/\/+$/, '')}/${spelled}/${version}/download` : filled)
  if (url === null || url.search !== '' || /[{}]|%7b/i.test(url.href))
    throw new MayflyError('denied', 'the registry’s config.json says no place that can be used (dl)')
  return url
}

export function jsonOf(bytes: Buffer | string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(bytes))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
