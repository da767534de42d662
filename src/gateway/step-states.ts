import type { Duplex } from 'node:stream'
import { MayflyError, limits, type StepId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import { createUpstream, type SocketOpener, type Upstream } from './upstream/index.ts'

/** What each running step has here, and nobody else: gone with it. */
export interface StepStates {
  /** Throws `revoked` for a step that has ended. */
  upstreamOf(step: Step): Upstream
  /** Remembers a socket so that the end of the step destroys it; `outer` is the one that it runs on. Throws `revoked`. */
  track(step: Step, socket: Duplex, outer?: Duplex): void
  /** The same for one that the step's supervisor opened; false if the step has as many as it may. */
  admitTunnel(step: Step, socket: Duplex): boolean
  /** False if as many requests of the step are under way as may be; else `answered` is called when this one no longer is. */
  admitRequest(step: Step): false | { answered: () => void }
  /** The socket that this one runs on, or itself: together they are one connection. */
  outermost(socket: Duplex): Duplex
  openSockets(): number
  /** Its own sockets are gone, and no more are taken; what the gateway itself does for it goes on. */
  shut(step: Step): void
  end(step: StepId): void
  endAll(): void
}

interface StepState {
  readonly sockets: Set<Duplex>
  /** Those of `sockets` that its supervisor opened. */
  tunnels: number
  /** That are not answered yet. */
  requests: number
  readonly upstream: Upstream
}

export function createStepStates(deps: { openSocket: SocketOpener }): StepStates {
  const states = new Map<StepId, StepState>()
  const shut = new WeakSet<Step>()
  const inner = new WeakMap<Duplex, Duplex>()

  function stateOf(step: Step): StepState {
    // What belongs to a step that has ended is gone, and is not made again.
    if (step.endReason !== undefined)
      throw new MayflyError('revoked', `the step has ended (${step.endReason})`)
    if (shut.has(step)) throw new MayflyError('revoked', 'the step is about to end')
    const known = states.get(step.id) ?? {
      ...{ sockets: new Set(), tunnels: 0, requests: 0 },
      upstream: createUpstream(deps),
    }
    states.set(step.id, known)
    return known
  }

  function track(step: Step, socket: Duplex, outer?: Duplex): void {
    if (outer !== undefined) inner.set(socket, outer)
    const { sockets } = stateOf(step)
    if (socket.destroyed) return
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  function end(step: StepId): void {
    const state = states.get(step)
    states.delete(step)
    // The newest first: a TLS socket goes before the one that it runs on.
    for (const socket of [...(state?.sockets ?? [])].toReversed()) socket.destroy()
    state?.upstream.close()
  }

  return {
    track,
    shut(step) {
      shut.add(step)
      end(step.id)
    },
    end,
    upstreamOf: (step) => stateOf(step).upstream,
    admitTunnel(step, socket) {
      const state = stateOf(step)
      // Whoever left while its token was checked would never give its place back: the `close` of its socket is past.
      if (socket.destroyed || state.tunnels >= limits.tunnelsPerStep) return false
      state.tunnels++
      socket.once('close', () => state.tunnels--)
      track(step, socket)
      return true
    },
    admitRequest(step) {
      const state = stateOf(step)
      if (state.requests >= limits.requestsPerStep) return false
      state.requests++
      return { answered: () => state.requests-- }
    },
    outermost: (socket) => inner.get(socket) ?? socket,
    openSockets: () =>
      [...states.values()].flatMap(({ sockets }) => [...sockets]).filter((socket) => !inner.has(socket))
        .length,
    endAll() {
      for (const step of states.keys()) end(step)
    },
  }
}
