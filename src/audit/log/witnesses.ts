import { sha256Hex } from '../../lib/index.ts'
import { equalBytes, parseCheckpoint, parseNote, type Verifier, verifyCheckpoint } from '../verify/index.ts'
import type { Cosigned, WitnessClient } from './witness-client.ts'

/** One witness, as the log's health tells it. */
export interface WitnessState {
  name: string
  ok: boolean
  /** Why not, in one line. */
  reason?: string
}

/** What the log has to say about itself, loudly. */
export type Alarm =
  | { kind: 'quorum_lost'; missing: string[] }
  | { kind: 'quorum_restored' }
  /** A witness refuses this history: its word against ours. */
  | { kind: 'refused'; witness: string; size: number; reason: string }
  /** A witness shows a checkpoint that our own key signed and that this folder contradicts. */
  | { kind: 'contradicted'; witness: string; checkpoint: string; reason: string }

export interface Witnesses {
  /** The cosignature lines that could be had in time; never waits for a witness that failed the last time. */
  cosign(note: string): Promise<string>
  states(): WitnessState[]
  quorum(): boolean
}

export interface WitnessesDeps {
  clients: readonly WitnessClient[]
  /** Is this set of witnesses, by name, enough? */
  isQuorum: (names: ReadonlySet<string>) => boolean
  log: Verifier
  onAlarm: (alarm: Alarm) => void
  /** A witness that had failed answered again: what is published could have more cosignatures. */
  onRecovered: () => void
  timeoutMs: number
}

/** Asks every witness at once. Entries are durable and receipts leave whatever the witnesses say. */
export function createWitnesses(deps: WitnessesDeps): Witnesses {
  const { clients, log, timeoutMs } = deps
  const states = new Map<string, WitnessState>(clients.map(({ name }) => [name, { name, ok: true }]))
  const late = new Set<string>()
  let hadQuorum = true

  async function ask(client: WitnessClient, note: string): Promise<string> {
    const answer = await client.cosign(note, timeoutMs)
    const before = states.get(client.name)
    states.set(client.name, { name: client.name, ...stateOf(answer) })
    if (answer.ok) {
      if (before?.ok === false) deps.onRecovered()
      return answer.line
    }
    if (answer.reason !== 'unreachable') await accuse(client, note, answer)
    return ''
  }

  /** A witness refuses: is there a checkpoint, signed by ourselves, that this folder contradicts? Then it is proven. */
  async function accuse(
    client: WitnessClient,
    note: string,
    answer: Cosigned & { ok: false },
  ): Promise<void> {
    const own = parseCheckpoint(parseNote(note)?.text ?? '')
    const shown = (await client.latest(sha256Hex(log.name), timeoutMs)) ?? ''
    const verdict = await verifyCheckpoint(shown, log)
    const reason = reasonOf(answer)
    const { size, root } = verdict.ok ? verdict.checkpoint : { size: -1, root: new Uint8Array(0) }
    const proven =
      own !== undefined && (size > own.size || (size === own.size && !equalBytes(root, own.root)))
    deps.onAlarm(
      proven
        ? { kind: 'contradicted', witness: client.name, checkpoint: shown, reason }
        : { kind: 'refused', witness: client.name, size: own?.size ?? 0, reason },
    )
  }

  function judge(): void {
    const good = new Set([...states.values()].filter(({ ok }) => ok).map(({ name }) => name))
    const has = deps.isQuorum(good)
    if (has === hadQuorum) return
    hadQuorum = has
    const missing = [...states.values()].filter(({ ok }) => !ok).map(({ name }) => name)
    deps.onAlarm(has ? { kind: 'quorum_restored' } : { kind: 'quorum_lost', missing })
  }

  return {
    async cosign(note) {
      const lines = await Promise.all(
        clients.map(async (client) => {
          if (states.get(client.name)?.ok === true) return await ask(client, note)
          // One that failed is asked beside: publication does not wait for it a second time.
          if (late.has(client.name)) return ''
          late.add(client.name)
          void ask(client, note).finally(() => {
            late.delete(client.name)
            judge()
          })
          return ''
        }),
      )
      judge()
      return lines.join('')
    },
    states: () => [...states.values()],
    quorum: () => hadQuorum,
  }
}

function stateOf(answer: Cosigned): Omit<WitnessState, 'name'> {
  return answer.ok ? { ok: true } : { ok: false, reason: reasonOf(answer) }
}

function reasonOf(answer: Cosigned & { ok: false }): string {
  if (answer.reason === 'rolled_back') return `it has cosigned ${answer.size} entries, more than this log has`
  return answer.reason === 'forked' ? `it refuses this history: ${answer.message}` : answer.message
}
