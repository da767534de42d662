import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { type Clock, MayflyError, messageOf, Secret, webhookKey } from '../../lib/index.ts'
import type { SinkConfig } from '../../config/index.ts'
import { createFileSink } from './file-sink.ts'
import type { Sink } from './sink.ts'
import { createSyslogSink } from './syslog-sink.ts'
import { createWebhookSink } from './webhook-sink.ts'

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
