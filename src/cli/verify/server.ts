import { callServer, findOperatorToken } from '../operator-api.ts'
import type { Bundles, Found } from './target.ts'

const maxPages = 20

/** What the server signed about the digest. Throws what it answers. */
export async function bundlesAtServer(server: string, digest: string): Promise<Bundles> {
  const token = findOperatorToken(server)
  const found: Found[] = []
  let after = ''
  for (let page = 0; page < maxPages; page++) {
    const { attestations, next } = await callServer<{
      attestations: { bundle: object }[]
      next?: string
    }>(server, 'GET', `/attestations/${digest}${after}`, token === undefined ? {} : { token })
    found.push(...attestations.map(({ bundle }) => ({ text: JSON.stringify(bundle), from: server })))
    if (next === undefined) return { found, isCut: false }
    after = `?after=${encodeURIComponent(next)}`
  }
  return { found, isCut: true }
}
