import { hash } from 'node:crypto'
import type { FileSystem } from '../disk/index.ts'
import { openChains, type TimestampChain } from './chain-store.ts'
import { oids } from './oids.ts'
import { parseRequest, type TimestampRequest } from './request.ts'
import type { SteadyTime } from './steady-time.ts'
import { grant, refuse } from './token.ts'

export type Stamped =
  | { readonly ok: true; readonly response: Buffer }
  | { readonly ok: false; readonly message: string }

type Done = { readonly ok: true } | { readonly ok: false; readonly message: string }

export interface TimestampAuthority {
  /** A TimeStampResp for whatever was sent; it says why if there is no timestamp in it. */
  answer(request: Uint8Array): Buffer
  /** A TimeStampResp over the SHA-256 of these bytes, with the leaf's certificate. */
  stamp(message: Uint8Array): Stamped
  /** May it sign now? If not, `message` says what to do. */
  ready(): Done
  /** Oldest first; the last one signs. */
  chains(): readonly TimestampChain[]
  /** Is to sign after the next rotation, and is not trusted by anybody who does not know of it before. */
  next(): TimestampChain | undefined
  /** Makes the next one, unless there is one. */
  announce(): Promise<Done>
  rotate(): Promise<Done>
}

/** The authority whose chains are in `folder`; the first is made if there is none. Throws a FatalError. */
export async function openTimestampAuthority(
  fs: FileSystem,
  folder: string,
  time: SteadyTime,
): Promise<TimestampAuthority> {
  const start = time()
  const store = await openChains(fs, folder, start.ok ? start.ms : 0)

  /** The time, if it is within what the leaf may sign. */
  function now(): ReturnType<SteadyTime> {
    const at = time()
    if (!at.ok) return at
    const { validFromDate, validToDate } = store.signer().certificate
    if (at.ms < validFromDate.getTime())
      return {
        ok: false,
        message: `the clock of the log's machine is before the timestamp certificate's begin, ${validFromDate.toISOString()}: set it right`,
      }
    return at.ms <= validToDate.getTime()
      ? at
      : {
          ok: false,
          message: 'the timestamp certificate has expired: make another with mayfly audit rotate-timestamp',
        }
  }

  async function at(act: (nowMs: number) => Promise<void>): Promise<Done> {
    const present = time()
    if (!present.ok) return present
    await act(present.ms)
    return { ok: true }
  }

  return {
    answer(bytes) {
      const parsed = parseRequest(bytes)
      if (!parsed.ok) return refuse(parsed.failure, parsed.message)
      const at = now()
      return at.ok ? grant(parsed.request, store.signer(), at.ms) : refuse('timeNotAvailable', at.message)
    },
    stamp(message) {
      const at = now()
      if (!at.ok) return at
      const imprint = { algorithm: oids.sha256, hash: hash('sha256', message, 'buffer') }
      const request: TimestampRequest = { imprint, nonce: undefined, wantsCertificate: true }
      return { ok: true, response: grant(request, store.signer(), at.ms) }
    },
    ready: now,
    chains: () => store.chains(),
    next: () => store.next(),
    announce: () => at((nowMs) => store.announce(nowMs)),
    rotate: () => at((nowMs) => store.rotate(nowMs)),
  }
}
