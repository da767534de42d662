import { type Clock, FatalError, nowSeconds } from '../../lib/index.ts'
import { cosignLine, type Signer } from '../sign/index.ts'
import type { LogSource, TlogPolicy } from '../verify/index.ts'
import type { Cosign } from './commit.ts'
import type { FailureSwitch } from './failure.ts'
import { verifierOf } from './log-source.ts'
import { createWitnessClient } from './witness-client.ts'
import { type Alarm, createWitnesses, type Witnesses } from './witnesses.ts'

export interface WitnessOptions {
  /** Witnesses and the quorum of them (tlog-policy); only witnesses with an URL can be asked. */
  witnessPolicy?: TlogPolicy
  witnessTimeoutMs?: number
  /** How witnesses are reached. */
  fetch?: typeof fetch
}

/** Throws a FatalError `config_invalid` for a witness that cannot be asked. */
export function openWitnesses(
  { witnessPolicy, witnessTimeoutMs = 1_000, fetch: fetcher = fetch }: WitnessOptions,
  signer: Signer,
  source: LogSource,
  told: { onAlarm: (alarm: Alarm) => Promise<void>; onRecovered: () => void },
): Witnesses {
  const { witnesses: named = [], quorum: isQuorum = () => true } = witnessPolicy ?? {}
  const clients = named.map((witness) => {
    const { url } = witness
    if (url === undefined)
      throw new FatalError('config_invalid', `the witness policy has no URL for the witness ${witness.name}`)
    return createWitnessClient({ ...witness, url }, source, fetcher)
  })
  const log = verifierOf(signer)
  return createWitnesses({ clients, isQuorum, log, source, timeoutMs: witnessTimeoutMs, ...told })
}

// The checkpoint itself has no time (tlog-checkpoint): the log's own cosignature shows that it is alive.
export function timedLine(note: string, signer: Signer, clock: Clock): string {
  return cosignLine(note.slice(0, note.lastIndexOf('\n\n') + 1), nowSeconds(clock), signer)
}

/** The time, and what the witnesses add; nothing once they have shown this folder to be one of two histories. */
export function cosigned(witnesses: Witnesses, timed: Cosign, failure: FailureSwitch): Cosign {
  return async (note) => {
    const lines = await witnesses.cosign(note)
    const stopped = failure.current()
    if (stopped?.code === 'audit_corrupt') throw new FatalError(stopped.code, stopped.reason)
    return `${await timed(note)}${lines}`
  }
}
