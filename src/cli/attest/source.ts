import type { Trust } from '../../attest/verify/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { HandedBundle } from '../../runner/index.ts'
import { callServer, findOperatorToken, serverOf } from '../operator-api.ts'
import { isAbout, readFound, type Found } from './bundles.ts'

/** Where attestations are looked up. */
export interface Source {
  byDigest(sha256: string): Promise<readonly Found[]>
  /** More is kept about it than was read. */
  wasCut?(sha256: string): boolean
  ofStep(step: string): Promise<readonly Stored[]>
  /** Something of a step that was asked for is signed later. */
  isPending?(step: string): boolean
  /** The same, read. */
  foundOfStep(step: string): Promise<readonly Found[]>
}

/** As the server answers. */
export interface Stored {
  readonly bundle: object
  readonly kind: HandedBundle['kind']
  readonly text?: string
  /** Null for a verification summary. */
  readonly run: string | null
  readonly step: string | null
}

interface Page {
  readonly attestations?: readonly Stored[]
  readonly next?: string
  readonly pending?: boolean
}

/** What was made again and again, or deployed everywhere, has many: whoever asks is told that there are more. */
const maxPages = 10

/** The server's; nothing that it answers is believed unless it is verified. */
export function serverSource(options: { server?: string | undefined }, trust: Trust | undefined): Source {
  const server = serverOf(options)
  const token = findOperatorToken(server)
  const [cut, pending] = [new Set<string>(), new Set<string>()]
  const all = async (path: string): Promise<Stored[]> => {
    const found: Stored[] = []
    let after: string | undefined
    for (let page = 0; page < maxPages; page++) {
      const query = `${path.includes('?') ? '&' : '?'}limit=100`
      const more = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
      const answer: Page = await callServer<Page>(server, 'GET', `${path}${query}${more}`, {
        ...(token === undefined ? {} : { token }),
      })
      found.push(...(answer.attestations ?? []))
      if (answer.pending === true) pending.add(path)
      after = answer.next
      if (after === undefined) return found
    }
    cut.add(path)
    return found
  }
  const pathOf = (step: string) => `/v1/attestations?step=${encodeURIComponent(step)}`
  const ofStep = (step: string) => all(pathOf(step))
  return {
    async byDigest(sha256) {
      const found = await all(`/attestations/sha256:${sha256}`)
      return found.map(({ bundle, step, run }) => readFound(bundle, trust, placeOf(step, run)))
    },
    wasCut: (sha256) => cut.has(`/attestations/sha256:${sha256}`),
    ofStep,
    isPending: (step) => pending.has(pathOf(step)),
    foundOfStep: async (id) =>
      (await ofStep(id)).map(({ bundle, step, run }) => readFound(bundle, trust, placeOf(step, run))),
  }
}

function placeOf(step: string | null, run: string | null): { step?: string; run?: string } {
  return { ...(step === null ? {} : { step }), ...(run === null ? {} : { run }) }
}

/** Bundles at hand, and what the server has: where they are all that is asked about (`isWhole`), only of what they do not speak of. */
export function filesSource(found: readonly Found[], server?: Source, { isWhole = true } = {}): Source {
  return {
    async byDigest(sha256) {
      const own = found.filter((one) => isAbout(one, sha256))
      if (server === undefined || (isWhole && own.length > 0)) return own
      const kept = await server.byDigest(sha256)
      // The server has what stands beside a file, too.
      return [...kept, ...own.filter((one) => !kept.some((other) => isSame(one, other)))]
    },
    wasCut: (sha256) => server?.wasCut?.(sha256) === true,
    ofStep: async (step) => there(server, step).ofStep(step),
    foundOfStep: async (step) => there(server, step).foundOfStep(step),
  }
}

function isSame(one: Found, other: Found): boolean {
  return one.bundle.trim() === other.bundle.trim() || JSON.stringify(JSON.parse(one.bundle)) === other.bundle
}

function there(server: Source | undefined, step: string): Source {
  if (server !== undefined) return server
  throw new MayflyError('bad_input', `${step}: a server is needed to find what a step made`)
}
