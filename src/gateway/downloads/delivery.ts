import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { MayflyError, type Clock } from '../../lib/index.ts'
import type { Step, StoredFirstSeen, StoredProvenance } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { deliver } from '../deliver.ts'
import type { Reflection } from '../reflection.ts'
import { createProvenanceCheck } from './provenance.ts'
import type { DownloadRecord } from './record.ts'
import type { Downloaded } from './recorded.ts'
import { copyHead, plainAnswer, type Download } from '../exchange.ts'
import type { Findings } from '../findings.ts'
import { createAdmission } from './admission.ts'
import { createFirstSeenCheck, registryOf } from './first-seen.ts'
import type { FileKey, KeptFiles } from './kept-files.ts'

/** A request of a step for a file, as the gateway has read it. */
export interface Asked {
  readonly step: Step
  readonly connection: Connection
  readonly response: ServerResponse
  readonly path: string
  readonly query: string
  /** Looks for the credential in what no digest holds. */
  readonly reflectionOf: (upstream: IncomingMessage) => Reflection | undefined
}

type Admitted =
  | { readonly ok: true; readonly record: Pick<Downloaded, 'provenance' | 'part'> }
  | { readonly ok: false }

/**
 * Files of packages on their way to steps, for every protocol: held against their digest, then against what they were when the
 * first step had them, and recorded. The last bytes go when all of it holds; none does of what the connection's rules refuse.
 */
export interface Delivery {
  deliver(asked: Asked, upstream: IncomingMessage, download: Download): Promise<void>
  /** The same from what was kept of earlier steps, without the upstream; false, and nothing was answered, if there is none. */
  deliverKept(asked: Asked, download: Download, headers?: Readonly<Record<string, string>>): Promise<boolean>
}

export function createDelivery(deps: {
  findings: Findings
  clock: Clock
  firstSeen?: StoredFirstSeen | undefined
  provenance?: StoredProvenance | undefined
  kept?: KeptFiles | undefined
  downloads: DownloadRecord
  deny(step: Step, what: string, reason: string): string
}): Delivery {
  const { firstSeen, provenance, downloads, kept } = deps
  const admission = createAdmission(deps)
  const check = firstSeen === undefined ? undefined : createFirstSeenCheck({ ...deps, firstSeen })
  const proofs = provenance === undefined ? undefined : createProvenanceCheck({ ...deps, known: provenance })

  const nameIn = ({ connection }: Asked, { what }: Download) =>
    `${connection.kind} ${connection.name} ${what}`

  /** What the connection's rules say of a file: it may pass, with what is recorded of it, or it was refused and that answered. */
  async function admit(
    asked: Asked,
    download: Download,
    headers: IncomingHttpHeaders,
    reflection?: Reflection,
  ): Promise<Admitted> {
    const { step, connection, response } = asked
    const refused = (why: string): Admitted => {
      const message = deps.deny(step, nameIn(asked, download), why)
      if (download.refuse === undefined) plainAnswer(response, 403, message)
      else download.refuse(message)
      return { ok: false }
    }
    try {
      reflection?.head(headers)
      if (download.isPart === true) return { ok: true, record: { part: true } }
      const refusal = await admission.refusal(connection, download, { headers })
      if (refusal !== undefined) return refused(refusal)
      const recorded = await proofs?.check(step, connection, download, headers['last-modified'])
      return { ok: true, record: recorded === undefined ? {} : { provenance: recorded } }
    } catch (error) {
      if (!(error instanceof MayflyError) || !['denied', 'bad_input'].includes(error.code)) throw error
      return refused(error.message)
    }
  }

  /** Holds the body against digest and first sight on its way, and records it; whether all of it held. */
  async function pass(
    asked: Asked,
    body: Readable,
    download: Download,
    record: Pick<Downloaded, 'provenance' | 'part' | 'cached'>,
  ): Promise<boolean> {
    const { step, connection, response, path } = asked
    const { purl, by = 'lockfile', integrity } = download
    // A package URL is of one file, at whatever address a lockfile names, unless its protocol says which of several it is.
    const seen =
      purl === undefined || by === 'digest' || connection.packages?.mayChange(purl) === true
        ? undefined
        : {
            registry: registryOf(connection),
            purl,
            path: download.place ?? (download.isPart === true ? path : ''),
          }
    const carried = purl === undefined ? undefined : downloads.carry(step)
    const was: { integrity: string; sha256: string; first?: true } = { integrity: '', sha256: '' }
    const settle = async (sha256: string) => {
      // A server that is killed once the step has the file must not have it forgotten unseen.
      await carried?.ready
      was.sha256 = sha256
      was.integrity = heldDigest(download, sha256)
      if (seen === undefined || check === undefined) return
      const digest = typeof integrity === 'object' ? was.integrity : `sha256:${sha256}`
      const { first } = await check.check(step, connection, seen, { digest, path })
      if (first) was.first = true
    }
    try {
      const bytes = await deliver(
        body,
        response,
        download,
        (reason) => deps.deny(step, nameIn(asked, download), reason),
        purl === undefined ? undefined : settle,
      )
      if (bytes === undefined) return false
      if (purl !== undefined)
        downloads.add(step, connection.name, { purl, by, bytes, ...was, ...record }, seen)
      return true
    } finally {
      carried?.done()
    }
  }

  return {
    async deliver(asked, upstream, download) {
      const reflection = asked.reflectionOf(upstream)
      const admitted = await admit(asked, download, upstream.headers, reflection)
      if (!admitted.ok) return void upstream.destroy()
      copyHead(upstream, asked.response)
      // The body of any other file is what its digest says.
      if (reflection !== undefined && download.by === 'none') {
        const looked = reflection.body()
        pipeline(upstream, looked, () => undefined)
        return void (await pass(asked, looked, download, admitted.record))
      }
      const key = keyOf(asked, download)
      const bytes = Number(upstream.headers['content-length'] ?? Number.NaN)
      const isPlain = upstream.headers['content-encoding'] === undefined
      // A cache that fails must not keep a file from a step.
      const keeping =
        key === undefined || Number.isNaN(bytes) || !isPlain
          ? undefined
          : await kept?.keep(key, bytes).catch(() => undefined)
      if (keeping === undefined) return void (await pass(asked, upstream, download, admitted.record))
      let held = false
      try {
        // Each ends the other, and how it ended shows where the body is read.
        pipeline(upstream, keeping.tee, () => undefined)
        held = await pass(asked, keeping.tee, download, admitted.record)
      } finally {
        const publishedMs = download.published ?? Date.parse(upstream.headers['last-modified'] ?? '')
        const ending = held
          ? keeping.done(Number.isNaN(publishedMs) ? undefined : publishedMs)
          : keeping.discard()
        ending.catch(() => undefined)
      }
    },
    async deliverKept(asked, download, headers = {}) {
      const key = keyOf(asked, download)
      const file = key === undefined ? undefined : await kept?.open(key).catch(() => undefined)
      if (key === undefined || file === undefined || kept === undefined) return false
      const published = download.published ?? file.publishedMs
      // The registry may know how old it is.
      if (published === undefined && asked.connection.packages?.asksAge === true) {
        await file.close()
        return false
      }
      const dated = published === undefined ? download : { ...download, published }
      const admitted = await admit(asked, dated, {})
      if (!admitted.ok) {
        await file.close()
        return true
      }
      const { response } = asked
      const head = { 'content-type': 'application/octet-stream', 'content-length': file.bytes, ...headers }
      for (const [name, value] of Object.entries(head)) response.setHeader(name, value)
      // Whatever was wrong with it: the next one who asks gets it from the registry.
      const record = { ...admitted.record, cached: true as const }
      if (!(await pass(asked, file.read(), download, record))) await kept.drop(key)
      return true
    },
  }
}

/** As it is recorded: what the file was held against, else what it is. */
function heldDigest({ integrity }: Download, sha256: string): string {
  if (integrity === undefined) return integrityOfHex('sha256', sha256)
  return typeof integrity === 'string' ? integrity : integrity.digest()
}

/** Undefined for what has no digest by which it could be asked for again, or is a part of a file. */
function keyOf({ connection }: Asked, download: Download): FileKey | undefined {
  const { purl, what, integrity, by, range } = download
  if (typeof integrity !== 'string' || by === 'none' || range !== undefined) return undefined
  return { registry: registryOf(connection), name: purl ?? what, integrity }
}
