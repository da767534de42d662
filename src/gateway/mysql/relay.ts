import type { Duplex } from 'node:stream'
import { drained } from '../../lib/index.ts'
import type { StreamExchange } from '../stream-exchange.ts'
import type { Judge, Judged } from './judge.ts'
import { createPrepared } from './prepared.ts'
import { createReply, type Expected, type Outcome } from './replies.ts'
import { createTally } from '../tally.ts'
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
}

/** Commands on a statement that was prepared before. */
const onPrepared: Readonly<Record<number, Expected | 'none'>> = {
  [command.execute]: 'results',
  [command.longData]: 'none',
  [command.close]: 'none',
  [command.reset]: 'one',
  [command.fetch]: 'rows',
}

const maxLastWords = 65_536
/** Of a statement. What is longer comes by parameters of a prepared one. */
const maxJudged = 4_194_304

/** Carries commands to the server and its answers back, one after the other, until either side ends. */
export async function relay(stream: StreamExchange, session: Session): Promise<void> {
  const { client, upstream, judge, isLimited } = session
  const prepared = createPrepared()
  const tally = createTally(stream, `mysql ${stream.connection.name}`)
  client.once('close', () => upstream.destroy())
  upstream.once('close', () => client.end())
  try {
    for (;;) {
      await eitherSpeaks(client, upstream)
      if (upstream.readableLength > 0) {
        await passLastWords(client, upstream)
        break
      }
      if (upstream.destroyed || upstream.readableEnded) break
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
    switch (name) {
      case command.query:
      case command.prepare: {
        const judged = await judge.statement(
          body.length <= maxJudged || !isLimited ? body.subarray(1) : undefined,
          body.length,
          name === command.prepare ? 'prepared' : undefined,
        )
        if ('refused' in judged) {
          await goOn(packet, 'unsent')
          return judged.refused
        }
        if (name === command.prepare) {
          if (prepared.isFull()) return 'mayfly: refused: too many prepared statements'
          prepared.begins()
        }
        const settle = name === command.query ? judge.settle(judged) : undefined
        const outcome = await exchange(packet, name === command.query ? 'results' : 'prepare', settle)
        if (outcome?.statement !== undefined) prepared.add(outcome.statement, judged)
        if (name === command.query) told(judged, outcome)
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
      case command.setOption:
        // Several statements at once.
        if (isLimited)
          return stream.deny(
            `mysql ${stream.connection.name}`,
            `command ${name} is done by mysql:connect alone`,
          )
        await exchange(packet, 'one')
        return undefined
      case command.resetConnection:
        prepared.clear()
        await exchange(packet, 'one', () => judge.restart())
        return undefined
      default:
    }
    const ofPrepared = onPrepared[name]
    if (ofPrepared !== undefined) return passPrepared(name, ofPrepared, packet)
    const expected = others[name]
    if (expected === undefined)
      return stream.deny(`mysql ${stream.connection.name}`, `command ${name} of the protocol is not passed`)
    await exchange(packet, expected)
    return undefined
  }

  async function passPrepared(
    name: number,
    expected: Expected | 'none',
    packet: Packet,
  ): Promise<string | undefined> {
    const judged = prepared.find(packet.body)
    if (judged === undefined) {
      await goOn(packet, 'unsent')
      // What has no answer has none if it is refused, too.
      return expected === 'none'
        ? undefined
        : stream.deny(`mysql ${stream.connection.name}`, 'no statement of this number was prepared here')
    }
    if (name === command.close) prepared.delete(packet.body)
    if (name !== command.execute) {
      await exchange(packet, expected)
      return undefined
    }
    const refused = await judge.again(judged)
    if (refused === undefined) told(judged, await exchange(packet, expected, judge.settle(judged)))
    else await goOn(packet, 'unsent')
    return refused
  }

  function told(judged: Judged, outcome: Outcome | undefined): void {
    if ('refused' in judged || outcome === undefined) return
    const { rows, bytes, failed } = outcome
    tally.count(judged.shape, { done: 1, rows, bytes, failed: failed ? 1 : 0 })
    if (judged.meaning?.uses !== undefined && !outcome.failed) judge.moved(judged.meaning.uses)
    for (const database of judged.meaning?.verb === 'ddl' ? judged.meaning.databases : [])
      if (!outcome.failed) judge.known(database)
  }

  /**
   * Sends a command, with the packets that go on with it, and passes the answer. Undefined where there is none. `settle` has its turn
   * before the client has the answer: what it says is told instead.
   */
  async function exchange(
    packet: Packet,
    expected: Expected | 'none',
    settle?: () => Promise<string | undefined>,
  ): Promise<Outcome | undefined> {
    await write(upstream, packetOf(packet.sequence, packet.body))
    await goOn(packet, 'sent')
    if (expected === 'none') return undefined
    if (settle === undefined) return answer(expected, (chunk) => write(client, chunk))
    let held: Buffer = Buffer.alloc(0)
    const outcome = await answer(expected, async (chunk) => {
      held = Buffer.concat([held, chunk])
      if (held.length > maxHeld) throw new ProtocolFault('the server answers a setting at length')
    })
    const refused = await settle()
    await write(
      client,
      refused === undefined ? held : errorPacket(packet.sequence + 1, 1142, '42000', refused),
    )
    return refused === undefined ? outcome : { ...outcome, failed: true }
  }

  /** The packets of the client that go on with a command. */
  async function goOn(packet: Packet, how: 'sent' | 'unsent'): Promise<void> {
    for (let last = packet; last.body.length === fullPacket;) {
      const next = await readPacket(client, fullPacket)
      if (next === undefined) throw new ProtocolFault('the client left within a command')
      last = next
      if (how === 'sent') await write(upstream, packetOf(next.sequence, next.body))
    }
  }

  async function answer(expected: Expected, pass: (chunk: Buffer) => Promise<void>): Promise<Outcome> {
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
      await pass(chunk)
      if (outcome !== undefined) return outcome
    }
  }
}

const maxHeld = 65_536

/** Resolves once either side has something to say, or has ended. A server may have last words for a client that asks nothing. */
async function eitherSpeaks(client: Duplex, upstream: Duplex): Promise<void> {
  const speaks = (socket: Duplex) => socket.readableLength > 0 || socket.readableEnded || socket.destroyed
  const events = ['readable', 'end', 'close', 'error'] as const
  while (!speaks(client) && !speaks(upstream))
    await new Promise<void>((resolve) => {
      const wake = () => {
        for (const socket of [client, upstream]) for (const event of events) socket.off(event, wake)
        resolve()
      }
      for (const socket of [client, upstream]) for (const event of events) socket.once(event, wake)
    })
}

/** MySQL says why before it ends a session: that it was idle for too long, that the server stops. */
async function passLastWords(client: Duplex, upstream: Duplex): Promise<void> {
  const words = await readPacket(upstream, maxLastWords)
  if (words === undefined) return
  if (words.body[0] !== 0xff) throw new ProtocolFault('the server says what nobody asked')
  await write(client, packetOf(words.sequence, words.body))
}

async function write(to: Duplex, bytes: Buffer): Promise<void> {
  if (to.destroyed) throw new ProtocolFault('the connection was closed')
  to.write(bytes)
  await drained(to)
}
