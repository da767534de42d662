import { messageOf, sha256Hex } from '../../lib/index.ts'
import {
  type LogSource,
  parseCheckpoint,
  parseNote,
  signatureLine,
  signaturesBy,
  type Verifier,
  verifyCheckpoint,
} from '../verify/index.ts'
import { contradicts, type Fork } from './fork-mark.ts'
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
  | { kind: 'contradicted'; witness: string; fork: Fork; reason: string }

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
  /** The log's own tiles. */
  source: LogSource
  /** Of a contradiction it resolves once nothing can be appended any more. */
  onAlarm: (alarm: Alarm) => Promise<void>
  /** A witness that had failed answered again: what is published could have more cosignatures. */
  onRecovered: () => void
  timeoutMs: number
}

/** Asks every witness at once. Entries are durable and receipts leave whatever the witnesses say. */
export function createWitnesses(deps: WitnessesDeps): Witnesses {
  const { clients, log, timeoutMs } = deps
  const states = new Map<string, WitnessState>(clients.map(({ name }) => [name, { name, ok: true }]))
  const late = new Set<string>()
  /** Those whose refusal was told: it is not told again before they cosign. */
  const refusing = new Set<string>()
  let newest = ''
  let hadQuorum = true

  async function ask(client: WitnessClient, note: string): Promise<string> {
    const answer = await client.cosign(note, timeoutMs)
    const before = states.get(client.name)
    states.set(client.name, { name: client.name, ...stateOf(answer) })
    if (answer.ok) {
      refusing.delete(client.name)
      if (before?.ok === false) deps.onRecovered()
      return answer.line
    }
    if (answer.reason !== 'unreachable') await accuse(client, answer)
    return ''
  }

  /** A witness refuses: is there a checkpoint, signed by ourselves, that this folder contradicts? Then it is proven. */
  async function accuse(client: WitnessClient, answer: Cosigned & { ok: false }): Promise<void> {
    const shown = (await client.latest(sha256Hex(log.name), timeoutMs)) ?? ''
    // The newest, not the one that was asked about: the log went on meanwhile, and anybody may have shown the witness that.
    const note = newest
    const own = parseCheckpoint(parseNote(note)?.text ?? '')
    const verdict = await verifyCheckpoint(shown, log)
    let reason = reasonOf(answer)
    if (verdict.ok && own !== undefined) {
      try {
        if (await contradicts(deps.source, verdict.checkpoint, own)) {
          const fork = { own: bySelf(note, log), theirs: bySelf(shown, log) }
          return await deps.onAlarm({ kind: 'contradicted', witness: client.name, fork, reason })
        }
      } catch (error) {
        reason += ` (whether it is right cannot be told: ${messageOf(error)})`
      }
    }
    if (answer.reason === 'undecided') return
    if (answer.reason === 'rolled_back' && own !== undefined && answer.size <= own.size) return
    // Each alarm is an entry, and each entry a checkpoint to be refused: told every time, that would never end.
    if (refusing.has(client.name)) return
    refusing.add(client.name)
    await deps.onAlarm({ kind: 'refused', witness: client.name, size: own?.size ?? 0, reason })
  }

  function judge(): void {
    const good = new Set([...states.values()].filter(({ ok }) => ok).map(({ name }) => name))
    const has = deps.isQuorum(good)
    if (has === hadQuorum) return
    hadQuorum = has
    const missing = [...states.values()].filter(({ ok }) => !ok).map(({ name }) => name)
    void deps.onAlarm(has ? { kind: 'quorum_restored' } : { kind: 'quorum_lost', missing })
  }

  return {
    async cosign(note) {
      newest = note
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

/** The note with no signature but the log's own: with those that a witness adds it could be too long for an entry. */
function bySelf(signed: string, log: Verifier): string {
  const note = parseNote(signed)
  if (note === undefined) return signed
  return `${note.text}\n${signaturesBy(note, log).slice(0, 1).map(signatureLine).join('')}`
}

function stateOf(answer: Cosigned): Omit<WitnessState, 'name'> {
  return answer.ok ? { ok: true } : { ok: false, reason: reasonOf(answer) }
}

function reasonOf(answer: Cosigned & { ok: false }): string {
  if (answer.reason === 'rolled_back') return `it has cosigned ${answer.size} entries, more than this log has`
  return answer.reason === 'forked' ? `it refuses this history: ${answer.message}` : answer.message
}
