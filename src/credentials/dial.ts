import { connect, type Socket } from 'node:net'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import { limits, trustedRoots } from '../lib/index.ts'
import { speaksTls } from '../connections/index.ts'
import { checkedLookup } from '../http-client/index.ts'
import type { HeldConnection } from './issuer.ts'

/** A connection to a database's server, which neither takes long nor brings much: both sides of it are ended then. */
export interface Line {
  readonly socket: Socket
  /** Why it was cut here, if it was. */
  cut(): string | undefined
  [Symbol.dispose](): void
}

export function openLine(connection: HeldConnection): Line {
  const { host, port, dial } = connection
  const socket = connect({
    host: dial?.address ?? host,
    port: dial?.port ?? port,
    lookup: checkedLookup(),
    noDelay: true,
  })
  let why: string | undefined
  const end = (reason: string) => {
    why ??= reason
    socket.destroy()
  }
  const deadline = setTimeout(() => end(`took longer than ${limits.databaseMs / 1000} s`), limits.databaseMs)
  // A server that sends without end must not fill the memory of the process that all steps share.
  const watch = setInterval(() => {
    if (socket.bytesRead > limits.databaseBytes) end(`sent more than ${limits.databaseBytes} bytes`)
  }, 100)
  socket.on('error', () => undefined)
  return {
    socket,
    cut: () => why,
    [Symbol.dispose]() {
      clearTimeout(deadline)
      clearInterval(watch)
      socket.destroy()
    },
  }
}

/**
 * TLS with the server's certificate checked against its name in the configuration, whatever address was dialled. Undefined, for
 * no TLS, where the connection does without.
 */
export function tlsTo(connection: HeldConnection): ConnectionOptions | undefined {
  if (!speaksTls(connection)) return undefined
  return {
    ca: trustedRoots(connection.ca),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(connection.host, certificate),
  }
}
