import { isIP } from 'node:net'
import { compilePattern } from '../lib/index.ts'
import type { ConnectionConfig } from '../config/index.ts'
import { kindNamed, type KindSettings } from '../kinds/index.ts'
import type { Connection } from './connection.ts'

/** What the connection's kind alone has settings for, and the hosts that follow from them. */
export function compileKindSettings(
  config: ConnectionConfig,
): Pick<Connection, 'settings' | 'told' | 'serves'> {
  const { settings: known = [], tells = [], serves } = kindNamed(config.kind)
  const written: KindSettings = pick(config, known as readonly (keyof KindSettings)[])
  const told = pick(written, tells)
  return {
    ...(Object.keys(written).length === 0 ? {} : { settings: written }),
    ...(Object.keys(told).length === 0 ? {} : { told }),
    ...(serves === undefined ? {} : { serves: serves(written, config.url) }),
  }
}

/**
 * Whether a protocol that can begin TLS has to, towards the connection's host: everywhere but on this machine, unless the
 * connection says otherwise.
 */
export function speaksTls({
  host,
  dial,
  ca,
  settings,
}: Pick<Connection, 'host' | 'dial' | 'ca' | 'settings'>): boolean {
  if (settings?.tls !== undefined) return settings.tls === 'verify'
  const address = dial?.address ?? (host === 'localhost' ? '127.0.0.1' : host)
  return ca !== undefined || isIP(address) === 0 || !/^(?:127\.|::1$)/.test(address)
}

function pick(from: KindSettings, keys: readonly (keyof KindSettings)[]): KindSettings {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]))
}

/** A cloud's hosts are more than can be listed: they are made when they are asked for, and so many are remembered. */
const rememberedHosts = 10_000

/** The connections that have this host beside their own: always by TLS, on its port. */
export function createFurtherHosts(
  connections: readonly Connection[],
): (host: string, port: number) => readonly Connection[] {
  const serving = connections.flatMap((connection) =>
    (connection.serves ?? []).map((pattern) => ({ connection, pattern: compilePattern(pattern) })),
  )
  const known = new Map<string, readonly Connection[]>()
  return (host, port) => {
    if (port !== 443 || serving.length === 0) return []
    const remembered = known.get(host)
    if (remembered !== undefined) return remembered
    const owners = new Set(
      serving.flatMap(({ connection, pattern }) => (pattern.matches(host) ? [connection] : [])),
    )
    const places = [...owners].map((owner) => placeAt(owner, host, port))
    if (places.length > 0 && known.size < rememberedHosts) known.set(host, places)
    return places
  }
}

function placeAt(owner: Connection, host: string, port: number): Connection {
  const { storage: _, serves: __, ...rest } = owner
  return { ...rest, host, port, tls: true, basePath: '', url: `https://${host}`, hostOf: owner }
}
