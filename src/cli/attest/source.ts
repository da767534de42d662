import type { Trust } from '../../attest/verify/index.ts'
import { MayflyError } from '../../lib/index.ts'
import type { HandedBundle } from '../../runner/index.ts'
import { callServer, findOperatorToken, serverOf } from '../operator-api.ts'
import { readFound, type Found } from './bundles.ts'

/** Where attestations are looked up. */
export interface Source {
  byDigest(sha256: string): Promise<readonly Found[]>
  ofStep(step: string): Promise<readonly Stored[]>
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
}

/** What was made again and again, or deployed everywhere, has many: the oldest are enough to tell where it comes from. */
const maxPages = 10

/** The server's; nothing that it answers is believed unless it is verified. */
export function serverSource(options: { server?: string | undefined }, trust: Trust | undefined): Source {
  const server = serverOf(options)
  const token = findOperatorToken(server)
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
      after = answer.next
      if (after === undefined) break
    }
    return found
  }
  const ofStep = (step: string) => all(`/v1/attestations?step=${encodeURIComponent(step)}`)
  return {
    async byDigest(sha256) {
      const found = await all(`/attestations/sha256:${sha256}`)
      return found.map(({ bundle, step, run }) => readFound(bundle, trust, placeOf(step, run)))
    },
    ofStep,
    foundOfStep: async (id) =>
      (await ofStep(id)).map(({ bundle, step, run }) => readFound(bundle, trust, placeOf(step, run))),
  }
}

function placeOf(step: string | null, run: string | null): { step?: string; run?: string } {
  return { ...(step === null ? {} : { step }), ...(run === null ? {} : { run }) }
}

/** Bundles at hand, and nothing else. */
export function filesSource(found: readonly Found[], whenMissing?: Source): Source {
  return {
    async byDigest(sha256) {
      const own = found.filter((one) =>
        one.statement?.subject.some(({ digest }) => digest['sha256'] === sha256),
      )
      return own.length > 0 || whenMissing === undefined ? own : whenMissing.byDigest(sha256)
    },
    ofStep: async (step) => there(whenMissing, step).ofStep(step),
    foundOfStep: async (step) => there(whenMissing, step).foundOfStep(step),
  }
}

function there(server: Source | undefined, step: string): Source {
  if (server !== undefined) return server
  throw new MayflyError('bad_input', `${step}: a server is needed to find what a step made`)
}
