import { MayflyError, limits } from '../../lib/index.ts'
import { placeOf } from '../../lockfiles/index.ts'
import { pypiAttestations, type Attestation } from '../../provenance/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { ask } from '../ask.ts'
import type { Pages } from './pages.ts'

/** What the index has of a file's provenance (PEP 740), where its page names it. Throws `denied` if that is not known. */
export async function fetchAttestations(
  exchange: Exchange,
  pages: Pages,
  { permit, project }: { readonly permit: Permit; readonly project: string },
  file: URL,
): Promise<readonly Attestation[]> {
  const unknown = (why: string) =>
    new MayflyError('denied', `whether this file of ${project} has provenance is not known: ${why}`)
  const fetched = await pages.get(exchange, permit, project)
  if (!fetched.ok) throw unknown(fetched.why)
  const { page } = fetched
  const named = page.files.find(({ url }) => placeOf(url.href) === placeOf(file.href))
  if (named === undefined) throw unknown('the page of the project does not name it')
  const { provenance } = named.rest
  if (typeof provenance !== 'string') return []
  const at = URL.parse(provenance, page.at.href)
  if (at === null) throw unknown('the page names no address for it')
  const headers = {
    ...{ accept: 'application/vnd.pypi.integrity.v1+json, application/json;q=0.5' },
    ...{ 'accept-encoding': 'gzip', 'user-agent': 'mayfly' },
  }
  const asked = await ask(exchange, permit, at, { method: 'GET', headers })
  if (!asked.ok) throw unknown(asked.why)
  const { upstream } = asked
  if (upstream.statusCode !== 200) {
    discard(upstream)
    throw unknown(`the index answered ${upstream.statusCode}`)
  }
  const text = await exchange.read(upstream, limits.attestationsBytes)
  const attestations = text === undefined ? undefined : pypiAttestations(text.toString('utf8'))
  if (attestations === undefined) throw unknown('what the index answers is no provenance object')
  return attestations
}
