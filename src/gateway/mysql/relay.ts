import type { Duplex } from 'node:stream'
import { drained } from '../../lib/index.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import type { Judge, Judged } from './judge.ts'
import { createReply, type Expected, type Outcome } from './replies.ts'
import { ProtocolFault, readable } from '../read-exactly.ts'
import { errorPacket, fullPacket, packetOf, readPacket, type Packet } from './wire.ts'

export interface Session {
  readonly client: Duplex
  readonly upstream: Duplex
  readonly judge: Judge
  readonly isLimited: boolean
  readonly deprecateEof: boolean
}

/** Commands (MySQL internals, "Command Phase"), by their number. */
const command = {
  quit: 1,
  initDb: 2,
  query: 3,
  fieldList: 4,
  statistics: 9,
  ping: 14,
  prepare: 22,
  execute: 23,
  longData: 24,
  close: 25,
  reset: 26,
  setOption: 27,
  fetch: 28,
  resetConnection: 31,
} as const

/** What is always told apart by one packet, whatever else it says. */
const others: Readonly<Record<number, Expected | 'none'>> = {
  [command.fieldList]: 'rows',
  [command.statistics]: 'one',
  [command.ping]: 'one',
  [command.execute]: 'results',
  [command.longData]: 'none',
  [command.close]: 'none',
  [command.reset]: 'one',
  [command.fetch]: 'rows',
}

const maxPrepared = 10_000

/** Carries commands to the server and its answers back, one after the other, until either side ends. */
export async function relay(stream: StreamExchange, session: Session): Promise<void> {
  const { client, upstream, judge, isLimited } = session
  const prepared = new Map<number, Judged>()
  const tally = createTally(stream)
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.end())
  try {
    for (;;) {
      const packet = await readPacket(client, fullPacket)
      if (packet === undefined || upstream.destroyed) break
      const [name = 0] = packet.body
      if (name === command.quit) break
      const refused = await pass(name, packet)
      if (refused !== undefined) client.write(errorPacket(packet.sequence + 1, 1142, '42000', refused))
    }
  } finally {
    tally.flush()
    upstream.end()
    client.end()
  }

  async function pass(name: number, packet: Packet): Promise<string | undefined> {
    const { body } = packet
    const isWhole = body.length < fullPacket
    switch (name) {
      case command.query:
      case command.prepare: {
        const judged = await judge.statement(
          isWhole || !isLimited ? body.subarray(1) : undefined,
          body.length,
          name === command.prepare ? 'prepared' : undefined,
        )
        if ('refused' in judged) {
          if (!isWhole)
            throw new ProtocolFault('a statement of 16 MiB and more is not judged: the connection is closed')
          return judged.refused
        }
        if (name === command.prepare && prepared.size >= maxPrepared)
          return 'mayfly: refused: too many prepared statements'
        const outcome = await exchange(packet, name === command.query ? 'results' : 'prepare')
        if (outcome?.statement !== undefined) prepared.set(outcome.statement, judged)
        if (name === command.query) told(judged, outcome)
        return undefined
      }
      case command.execute: {
        const judged = prepared.get(body.length < 5 ? -1 : body.readUInt32LE(1))
        const refused = judged === undefined ? undefined : await judge.again(judged)
        if (refused !== undefined) return refused
        const outcome = await exchange(packet, 'results')
        if (judged !== undefined) told(judged, outcome)
        return undefined
      }
      case command.initDb: {
        const database = body.subarray(1).toString()
        const refused = await judge.database(database)
        if (refused !== undefined) return refused
        const outcome = await exchange(packet, 'one')
        if (outcome?.failed === false) judge.moved(database)
        return undefined
      }
      case command.close:
        if (body.length >= 5) prepared.delete(body.readUInt32LE(1))
        break
      case command.setOption:
      case command.resetConnection:
        // Several statements at once, and settings as they were before the session was limited.
        if (isLimited)
          return stream.deny(
            `mysql ${stream.connection.name}`,
            `command ${name} is done by mysql:connect alone`,
          )
        await exchange(packet, 'one')
        return undefined
      default:
    }
    const expected = others[name]
    if (expected === undefined)
      return stream.deny(`mysql ${stream.connection.name}`, `command ${name} of the protocol is not passed`)
    await exchange(packet, expected)
    return undefined
  }

  function told(judged: Judged, outcome: Outcome | undefined): void {
    if ('refused' in judged || outcome === undefined) return
    tally.count(judged.shape, outcome)
    if (judged.meaning?.uses !== undefined && !outcome.failed) judge.moved(judged.meaning.uses)
    for (const database of judged.meaning?.verb === 'ddl' ? judged.meaning.databases : [])
      if (!outcome.failed) judge.known(database)
  }

  /** Sends a command, with the packets that go on with it, and passes the answer. Undefined where there is none. */
  async function exchange(packet: Packet, expected: Expected | 'none'): Promise<Outcome | undefined> {
    let last = packet
    await write(upstream, packetOf(packet.sequence, packet.body))
    while (last.body.length === fullPacket) {
      const next = await readPacket(client, fullPacket)
      if (next === undefined) throw new ProtocolFault('the client left within a command')
      last = next
      await write(upstream, packetOf(next.sequence, next.body))
    }
    return expected === 'none' ? undefined : answer(expected)
  }

  async function answer(expected: Expected): Promise<Outcome> {
    const reply = createReply(expected, session.deprecateEof)
    for (;;) {
      const chunk = upstream.read() as Buffer | null
      if (chunk === null) {
        if (upstream.destroyed || upstream.readableEnded)
          throw new ProtocolFault('the server closed the connection')
        await readable(upstream)
        continue
      }
      const outcome = reply.take(chunk)
      await write(client, chunk)
      if (outcome !== undefined) return outcome
    }
  }
}

async function write(to: Duplex, bytes: Buffer): Promise<void> {
  if (to.destroyed) throw new ProtocolFault('the connection was closed')
  to.write(bytes)
  await drained(to)
}

const maxShapes = 1_000

/** What came of statements, by their shape. */
function createTally(stream: StreamExchange) {
  const counts = new Map<string, { done: number; rows: number; bytes: number; failed: number }>()
  const flush = () => {
    for (const [statement, facts] of counts)
      stream.done({ operation: `mysql ${stream.connection.name}`, facts: { statement, ...facts } })
    counts.clear()
  }
  return {
    flush,
    count(shape: string, { rows, bytes, failed }: Outcome) {
      if (!counts.has(shape) && counts.size >= maxShapes) flush()
      const before = counts.get(shape) ?? { done: 0, rows: 0, bytes: 0, failed: 0 }
      counts.set(shape, {
        done: before.done + 1,
        rows: before.rows + rows,
        bytes: before.bytes + bytes,
        failed: before.failed + (failed ? 1 : 0),
      })
    },
  }
}
