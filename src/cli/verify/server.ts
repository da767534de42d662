import type { Demands } from '../../attest/verify/index.ts'
import { callServer, findOperatorToken } from '../operator-api.ts'
import type { Bundles, Found } from './target.ts'

/** Of the jobs that could meet the demands, and then of all: others may have had the same digest attested any number of times. */
const maxPages = { meant: 10, others: 3 } as const

/** What the server signed about the digest. Throws what it answers. */
export async function bundlesAtServer(server: string, digest: string, demands: Demands): Promise<Bundles> {
  const token = findOperatorToken(server)
  const texts = new Set<string>()

  async function read(query: URLSearchParams, pages: number): Promise<boolean> {
    query.set('limit', '100')
    for (let page = 0; page < pages; page++) {
      const { attestations, next } = await callServer<{
        attestations: { bundle: object }[]
        next?: string
      }>(server, 'GET', `/attestations/${digest}?${query.toString()}`, token === undefined ? {} : { token })
      for (const { bundle } of attestations) texts.add(JSON.stringify(bundle))
      if (next === undefined) return false
      query.set('after', next)
    }
    return true
  }

  const meant = jobsOf(demands)
  const isCut = meant.size > 0 && (await read(meant, maxPages.meant))
  const isMore = await read(new URLSearchParams(), maxPages.others)
  const found = [...texts].map((text): Found => ({ text, from: server }))
  return { found, isCut: isCut || isMore }
}

const jobDemands = ['issuer', 'repository_id', 'owner_id', 'repository', 'ref', 'role', 'identity'] as const

function jobsOf(demands: Demands): URLSearchParams {
  return new URLSearchParams(
    jobDemands.flatMap((name) => [demands[name] ?? []].flat().map((value) => [name, value])),
  )
}
