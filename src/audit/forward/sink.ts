import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { type Clock, MayflyError, messageOf, Secret, webhookKey } from '../../lib/index.ts'
import type { SinkConfig } from '../../config/index.ts'
import { createFileSink } from './file-sink.ts'
import { createSyslogSink } from './syslog-sink.ts'
import { createWebhookSink } from './webhook-sink.ts'

/** An entry on its way: `line` is what is sent, `id`, `type` and the rest are for the envelope. */
export interface SinkEntry {
  index: number
  id: string
  type: string
  time: string
  run: string | undefined
  line: string
}

export interface Delivery {
  /** How many of the batch, from its beginning, the sink has taken for good. */
  delivered: number
  /** Why not all, in one line. */
  problem?: string
}

export interface Sink {
  /** Hands over a batch, in order. Never rejects; ends soon after `signal` is aborted. */
  deliver(batch: readonly SinkEntry[], signal: AbortSignal): Promise<Delivery>
  close(): void
}

/** The sink that a configuration describes. Throws a MayflyError for a file that cannot be read, or is of no use. */
export function createSink(config: SinkConfig, clock: Clock): Sink {
  switch (config.kind) {
    case 'file':
      return createFileSink(config.path)
    case 'webhook': {
      const key = webhookKey(new Secret(read(config.key)))
      const agent = new Agent({ keepAlive: true, maxSockets: 8, ...pem('ca', config.ca) })
      return createWebhookSink({ url: config.url, key, agent, clock })
    }
    case 'syslog': {
      const { host, port, ca, certificate, key } = config
      return createSyslogSink({
        host,
        port,
        ...pem('ca', ca),
        ...pem('cert', certificate),
        ...pem('key', key),
      })
    }
  }
}

function pem<Name extends string>(name: Name, file: string | undefined): Partial<Record<Name, string>> {
  return file === undefined ? {} : ({ [name]: read(file) } as Record<Name, string>)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
