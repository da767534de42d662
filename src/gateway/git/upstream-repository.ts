import type { IncomingMessage } from 'node:http'
import { MayflyError, limits } from '../../lib/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { createByteQueue } from './byte-queue.ts'
import type { ObjectFormat, OnCommit } from './object-format.ts'
import { readPack } from './pack-reader.ts'
import { readPackets, shown } from './packet-stream.ts'
import { flushPacket, packetLine } from './pkt-line.ts'
import { refusedCredential } from './route.ts'

/** A ref as the server has it; `target` is the ref that it stands for, if it is symbolic. */
export interface ServerRef {
  readonly id: string
  readonly target: string | undefined
}

/**
 * What the gateway itself asks the Git server about a push, in protocol version 2 (gitprotocol-v2), which every server
 * since git 2.18 speaks. It goes under the push's permit, lease and receipt: it serves that push's refusal, and no
 * byte of the answers reaches the step, so it takes no `git:read` of the role.
 */
export interface UpstreamRepository {
  /** Of these names, those that the server has. A symbolic ref that points at nothing is shown by no Git protocol. */
  refs(names: readonly string[]): Promise<ReadonlyMap<string, ServerRef>>
  /** Tells of the commits that are reachable from `wanted` and not from `known`. */
  history(wanted: readonly string[], known: string, onCommit: OnCommit): Promise<void>
}

/** Its methods throw `upstream_unreachable` for a server that cannot or will not answer, `limit_exceeded`, `bad_input`. */
export function createUpstreamRepository(
  exchange: Exchange,
  permit: Permit,
  format: ObjectFormat,
): UpstreamRepository {
  const base = exchange.path.slice(0, -'git-receive-pack'.length)
  const agent = ['agent=mayfly', `object-format=${format.algorithm}`]

  async function send(method: string, path: string, kind: string, body?: Buffer): Promise<IncomingMessage> {
    const answer = await exchange.send(permit, {
      method,
      path: `${base}${path}`,
      headers: {
        'git-protocol': 'version=2',
        accept: `application/x-git-upload-pack-${kind}`,
        'accept-encoding': 'identity',
        // Some servers tell git from a browser by it.
        'user-agent': 'git/2 (mayfly)',
        ...(body === undefined
          ? {}
          : {
              'content-type': 'application/x-git-upload-pack-request',
              'content-length': String(body.length),
            }),
      },
      ...(body === undefined ? {} : { body }),
    })
    const refused = refusedCredential(exchange, answer)
    const isAnswer =
      answer.statusCode === 200 &&
      answer.headers['content-type'] === `application/x-git-upload-pack-${kind}` &&
      answer.headers['content-encoding'] === undefined
    if (isAnswer) return answer
    discard(answer)
    throw new MayflyError(
      'upstream_unreachable',
      refused ?? `the Git server does not answer in protocol version 2 (status ${answer.statusCode})`,
    )
  }

  const command = (name: string, lines: readonly string[]) =>
    send(
      'POST',
      'git-upload-pack',
      'result',
      Buffer.concat([
        ...[`command=${name}`, ...agent].map((line) => packetLine(`${line}\n`)),
        Buffer.from('0001'),
        ...lines.map((line) => packetLine(`${line}\n`)),
        flushPacket,
      ]),
    )

  /** Can the server leave out trees and files? Else it sends them, and they are passed over. */
  let filters: Promise<boolean> | undefined
  let questions = 0
  async function askFilter(): Promise<boolean> {
    const answer = await send('GET', 'info/refs?service=git-upload-pack', 'advertisement')
    for await (const packet of readPackets(answer, limits.refListBytes)) {
      const line = packet.kind === 'data' ? packet.payload.toString('latin1').trim() : ''
      if (line.startsWith('fetch=')) return line.slice('fetch='.length).split(' ').includes('filter')
    }
    return false
  }

  return {
    async refs(names) {
      const asked = new Set(names)
      const found = new Map<string, ServerRef>()
      const lines = ['symrefs', ...prefixesOf(names).map((prefix) => `ref-prefix ${prefix}`)]
      let isWhole = false
      for await (const packet of readPackets(await command('ls-refs', lines), limits.refListBytes)) {
        if (packet.kind !== 'data') {
          isWhole = packet.kind === 'flush'
          continue
        }
        const [id = '', ref = '', ...attributes] = packet.payload
          .toString('utf8')
          .replace(/\n$/, '')
          .split(' ')
        const target = attributes
          .find((one) => one.startsWith('symref-target:'))
          ?.slice('symref-target:'.length)
        if (!asked.has(ref)) continue
        if (!/^[0-9a-f]{40,64}$/.test(id))
          throw new MayflyError('upstream_unreachable', 'the Git server’s list of refs is not one')
        found.set(ref, { id, target: target === undefined ? undefined : shown(Buffer.from(target)) })
      }
      // A server of version 0 reads the question as something else; whatever it says has no such end.
      if (!isWhole)
        throw new MayflyError('upstream_unreachable', 'the Git server does not answer in protocol version 2')
      return found
    },
    async history(wanted, known, onCommit) {
      if (++questions > limits.historyQuestions)
        throw new MayflyError(
          'limit_exceeded',
          `over ${limits.historyQuestions} refs to ask the Git server about`,
        )
      filters ??= askFilter()
      const lines = [
        'ofs-delta',
        'no-progress',
        ...((await filters) ? ['filter tree:0'] : []),
        ...wanted.map((id) => `want ${id}`),
        `have ${known}`,
        'done',
      ]
      const pack = packOf(await command('fetch', lines))
      const queue = createByteQueue({
        first: Buffer.alloc(0),
        next: async () => (await pack.next()).value,
        pass: async () => undefined,
        algorithm: format.algorithm,
      })
      try {
        await readPack(queue, format, onCommit)
      } finally {
        await pack.return(undefined)
      }
    },
  }
}

const maxPrefixes = 64

/** A server holds each of its refs against each prefix, so of many names their folders are asked for. */
function prefixesOf(names: readonly string[]): readonly string[] {
  if (names.length <= maxPrefixes) return names
  const folders = new Set(names.map((name) => name.split('/').slice(0, 2).join('/')))
  return folders.size > maxPrefixes ? ['refs/'] : [...folders].map((folder) => `${folder}/`)
}

/** The pack in the answer to `fetch`: the section `packfile`, on side band 1. */
async function* packOf(answer: IncomingMessage): AsyncGenerator<Buffer, undefined> {
  let inPack = false
  for await (const packet of readPackets(answer, limits.historyBytes)) {
    if (packet.kind !== 'data') {
      if (inPack) return undefined
      continue
    }
    const { payload } = packet
    if (!inPack) inPack = payload.toString('latin1').trim() === 'packfile'
    else if (payload[0] === 1) yield payload.subarray(1)
    else if (payload[0] === 3)
      throw new MayflyError('upstream_unreachable', `the Git server says: ${shown(payload.subarray(1))}`)
  }
  return undefined
}
