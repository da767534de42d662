import { readPacket } from './pkt-line.ts'
import type { RefUpdate } from './push-request.ts'

/** What the server said of one update. */
export interface PushedRef extends RefUpdate {
  /** `ok`; what the server has against it; `unknown`, where it said nothing that can be read. */
  readonly result: string
}

/** As many refs of one push are recorded one by one. */
const maxRefs = 1_000
/** A report of so many refs has room in it; what the server says beside it to people goes by. */
const maxBytes = 4_194_304
const maxChars = 300

/** Keeps what an answer says while it passes to the step. */
export interface PushReport {
  take(chunk: Buffer): void
  /** Of each update, by what was kept. */
  results(updates: readonly RefUpdate[]): readonly PushedRef[]
}

export function createPushReport(): PushReport {
  const chunks: Buffer[] = []
  let bytes = 0
  return {
    take(chunk) {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
    },
    results(updates) {
      const said = bytes > maxBytes ? undefined : reportIn(Buffer.concat(chunks))
      return updates
        .slice(0, maxRefs)
        .map((update) => ({ ...update, result: said?.get(update.ref) ?? 'unknown' }))
    },
  }
}

/**
 * gitprotocol-pack, "Report Status": `unpack ok`, then for each ref `ok REF` or `ng REF WHY`, as packets of their own or on the
 * first side band. Undefined for what is none.
 */
export function reportIn(answer: Buffer): ReadonlyMap<string, string> | undefined {
  const outer = payloadsOf(answer)
  const banded = outer?.filter(([band]) => band === 1).map((payload) => payload.subarray(1)) ?? []
  const lines = banded.length > 0 ? payloadsOf(Buffer.concat(banded)) : outer
  const [first, ...rest] = lines?.map((payload) => payload.toString('utf8').replace(/\n$/, '')) ?? []
  if (first?.startsWith('unpack ') !== true) return undefined
  const refs = new Map<string, string>()
  for (const line of rest) {
    const { verdict, ref, why } = /^(?<verdict>ok|ng) (?<ref>\S+)(?: (?<why>.*))?$/s.exec(line)?.groups ?? {}
    if (ref === undefined || refs.has(ref)) continue
    refs.set(
      ref,
      verdict === 'ok' ? 'ok' : (why ?? 'refused').replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, maxChars),
    )
  }
  return refs
}

function payloadsOf(bytes: Buffer): Buffer[] | undefined {
  const payloads: Buffer[] = []
  try {
    for (let offset = 0; ;) {
      const packet = readPacket(bytes, offset)
      if (packet === undefined) return payloads
      offset = packet.next
      if (packet.packet.kind === 'data') payloads.push(packet.packet.payload)
    }
  } catch {
    return undefined
  }
}
