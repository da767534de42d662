import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Step, StoredFirstSeen } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { deliver } from '../deliver.ts'
import type { DownloadRecord } from '../downloads.ts'
import { plainAnswer, type Download } from '../exchange.ts'
import { createAdmission } from './admission.ts'
import { createFirstSeenCheck, registryOf } from './first-seen.ts'

/** A request of a step for a file, as the gateway has read it. */
export interface Asked {
  readonly step: Step
  readonly connection: Connection
  readonly response: ServerResponse
  readonly path: string
  readonly query: string
}

/**
 * Files of packages on their way to steps, for every protocol: held against their digest, then against what they were when the
 * first step had them, and recorded. The last bytes go when all of it holds; none does of what the connection's rules refuse.
 */
export interface Delivery {
  deliver(asked: Asked, upstream: IncomingMessage, download: Download): Promise<void>
}

export function createDelivery(deps: {
  audit: AuditClient
  clock: Clock
  firstSeen?: StoredFirstSeen | undefined
  downloads: DownloadRecord
  deny(step: Step, what: string, reason: string): string
}): Delivery {
  const { firstSeen, downloads } = deps
  const admission = createAdmission(deps)
  const check = firstSeen === undefined ? undefined : createFirstSeenCheck({ ...deps, firstSeen })

  return {
    async deliver({ step, connection, response, path, query }, upstream, download) {
      const { purl, by = 'lockfile', what, integrity } = download
      const deny = (reason: string) =>
        deps.deny(step, `${connection.kind} ${connection.name} ${what}`, reason)
      const refusal = await admission.refusal(connection, download, upstream)
      if (refusal !== undefined) {
        upstream.destroy()
        const message = deny(refusal)
        return download.refuse === undefined ? plainAnswer(response, 403, message) : download.refuse(message)
      }
      const seen =
        purl === undefined || by === 'digest' || connection.packages?.mayChange(purl) === true
          ? undefined
          : { registry: registryOf(connection), purl, path: query === '' ? path : `${path}?${query}` }
      const was: { sha256?: string; first?: true } = {}
      const passed = await deliver(
        upstream,
        response,
        download,
        deny,
        seen === undefined || check === undefined
          ? undefined
          : async (sha256) => {
              was.sha256 = sha256
              const { first } = await check.check(
                step,
                connection,
                seen,
                typeof integrity === 'string' ? `sha256:${sha256}` : integrity.digest(),
              )
              if (first) was.first = true
            },
      )
      if (passed !== undefined && purl !== undefined)
        downloads.add(step, connection.name, { purl, by, ...passed, ...was }, seen)
    },
  }
}
