import { setTimeout as after } from 'node:timers/promises'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { Connection, Targets } from '../connections/index.ts'
import { pauseMs } from './attach-pause.ts'
import { UpstreamBusy } from './busy.ts'
import type { MadeImage } from './exchange.ts'
import { attach, openOwnRegistry, type Attached } from './oci/index.ts'
import { openOwnAccess } from './own-access.ts'
import type { Gatekeeper } from './permit.ts'
import { createTurns } from './turns.ts'
import { createUpstream, type SocketOpener } from './upstream/index.ts'

/** What came of it for one image. */
export interface AttachedImage {
  /** `REPOSITORY@sha256:HEX`. */
  readonly image: string
  readonly connection: string
  /** Digests of the manifests that now stand beside it. */
  readonly manifests: readonly string[]
  readonly failure?: string
}

interface Made extends MadeImage {
  readonly connection: Connection
}

/** A step that pushes more gets attestations all the same: they are found at the server. */
const maxImages = 20
/** For all of them: the step’s end waits for it. */
const attachMs = 10_000
/** Another server may have revoked it: the store is looked at so often. */
const lookMs = 100
const ended = 'the step was ended meanwhile'
const unknown = 'the store does not say whether the step is still open'

/**
 * Puts attestations beside the images that a step pushed, as the gateway's own act under the step's grant and lease: recorded before the
 * registry hears of it, as every other.
 */
export function createAttaching(deps: {
  readonly gatekeeper: Pick<Gatekeeper, 'permit'>
  readonly openSocket: SocketOpener
  readonly targets: () => Targets
  readonly clock: Clock
  /** Something that whoever looks at the step is to know. */
  readonly tell: (step: Step, line: string) => void
  /** False once the step or its session has ended, at any server. Throws if the store cannot be read. */
  readonly isOpen: (step: Step) => boolean
  readonly onStepEnd: (listener: (step: Step) => void) => void
}) {
  const made = new WeakMap<Step, Made[]>()
  const underWay = new Map<Step, AbortController>()
  const turns = createTurns()
  deps.onStepEnd((step) => underWay.get(step)?.abort())

  /** Why nothing more is sent for the step. Never throws: a timer that does ends the whole server. */
  function whyClosed(step: Step): string | undefined {
    try {
      return deps.isOpen(step) ? undefined : ended
    } catch {
      return unknown
    }
  }

  /** Ends what `act` has under way after a while, and at once when the step is revoked, here or at another server, or nobody can say. */
  async function whileOpen<T>(step: Step, act: (until: AbortSignal) => Promise<T>): Promise<T> {
    const cut = new AbortController()
    const look = () => {
      const why = whyClosed(step)
      if (why !== undefined) cut.abort(new MayflyError('denied', why))
    }
    const looking = setInterval(look, lookMs)
    underWay.set(step, cut)
    try {
      look()
      return await act(AbortSignal.any([AbortSignal.timeout(attachMs), cut.signal]))
    } finally {
      clearInterval(looking)
      underWay.delete(step)
    }
  }

  async function attachTo(
    step: Step,
    one: Made,
    bundles: readonly Attached[],
    until: AbortSignal,
  ): Promise<string[]> {
    const { repository, digest } = one
    const closed = whyClosed(step)
    if (closed !== undefined) throw new MayflyError('denied', closed)
    // The policy may have changed since: its own connection of this name counts.
    const connection = deps.targets().connections.find(({ name }) => name === one.connection.name)
    if (connection === undefined) throw new MayflyError('denied', 'its connection is no longer there')
    const operation = { action: 'oci:push', connection: connection.name, path: repository, ref: digest }
    const detail = { oci: { attach: digest, types: bundles.map(({ predicateType }) => predicateType) } }
    const permit = await deps.gatekeeper.permit(step, connection, [operation], detail, true)
    if (!permit.allow) throw new MayflyError('denied', permit.message)
    const upstream = createUpstream(deps)
    try {
      const own = openOwnRegistry(openOwnAccess(connection, upstream, until), deps.clock)
      const manifests: string[] = []
      for (const bundle of bundles) {
        until.throwIfAborted()
        manifests.push(await attach(own, permit, { repository, digest }, bundle, turns))
      }
      return manifests
    } finally {
      upstream.close()
    }
  }

  async function tried(
    step: Step,
    one: Made,
    bundles: readonly Attached[],
    until: AbortSignal,
    untilMs: number,
  ): Promise<AttachedImage> {
    const image = `${one.repository}@${one.digest}`
    const named = { image, connection: one.connection.name }
    for (let attempt = 1; ; attempt++) {
      try {
        return { ...named, manifests: await attachTo(step, one, bundles, until) }
      } catch (error) {
        const closed = whyClosed(step) ?? cutBy(until)
        if (closed !== undefined) return { ...named, manifests: [], failure: closed }
        const waitMs = pauseMs(attempt, error, untilMs - performance.now())
        if (waitMs === undefined || until.aborted)
          return { ...named, manifests: [], failure: failureOf(error) }
        await after(waitMs, undefined, { signal: until }).catch(() => undefined)
      }
    }
  }

  return {
    made(step: Step, connection: Connection, image: MadeImage) {
      const images = made.get(step) ?? []
      made.set(step, images)
      const known = images.findIndex(
        (one) =>
          one.connection.name === connection.name &&
          one.repository === image.repository &&
          one.digest === image.digest,
      )
      const isTagged = image.isTagged || images[known]?.isTagged === true
      if (known >= 0) images.splice(known, 1)
      images.push({ ...image, connection, isTagged })
      // Of thousands the last ones are what the others are parts of.
      if (images.length > 10 * maxImages) images.shift()
    },
    has: (step: Step) => (made.get(step)?.length ?? 0) > 0,
    async attach(step: Step, bundles: readonly Attached[]): Promise<readonly AttachedImage[]> {
      const all = made.get(step) ?? []
      const tagged = all.filter(({ isTagged }) => isTagged)
      // Parts of an index are pushed without a tag: what stands beside the index is enough.
      const meant = (tagged.length > 0 ? tagged : all).slice(-maxImages)
      if (bundles.length === 0) return []
      const untilMs = performance.now() + attachMs
      return await whileOpen(step, async (until) => {
        const results: AttachedImage[] = []
        for (const one of meant) {
          const result = await tried(step, one, bundles, until, untilMs)
          if (result.failure !== undefined)
            deps.tell(step, `mayfly: no attestation stands beside ${result.image}: ${result.failure}`)
          results.push(result)
        }
        return results
      })
    },
  }
}

/** Why it was ended before its time was over. */
function cutBy({ reason }: AbortSignal): string | undefined {
  return reason instanceof MayflyError ? reason.message : undefined
}

/** What a registry says may be the credential that it was sent, and whoever looks at the step reads this. */
function failureOf(error: unknown): string {
  if (!(error instanceof MayflyError)) return 'the registry did not do it'
  if (error instanceof UpstreamBusy) return error.message
  if (error.code === 'upstream_unreachable') return 'the registry does not answer'
  return /^(?:the registry (?:answered \d|does not have)|tag |its connection|mayfly: )/.test(error.message)
    ? error.message
    : `the registry did not take it (${error.code})`
}
