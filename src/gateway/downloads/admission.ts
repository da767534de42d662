import type { IncomingMessage } from 'node:http'
import { messageOf, parsePurl, type Clock } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import type { Download } from '../exchange.ts'
import { createMalicious } from './malicious.ts'

/** What a connection's rules say of one version, once its file is about to come. */
export interface Admission {
  /** Why nobody gets it now; undefined if it may pass. `answer`: the registry's, which may say how old the file is. */
  refusal(
    connection: Connection,
    download: Download,
    answer: Pick<IncomingMessage, 'headers'>,
  ): Promise<string | undefined>
}

export function createAdmission(deps: { clock: Clock }): Admission {
  const malicious = createMalicious(deps)

  async function reported(folder: string, purl: string): Promise<string | undefined> {
    const { type = '', name = '', version = '' } = parsePurl(purl) ?? {}
    try {
      const [id] = await malicious.reports(folder, type, name, version)
      return id === undefined ? undefined : `${id} reports it as malicious (osv.dev/vulnerability/${id})`
    } catch (error) {
      return messageOf(error)
    }
  }

  function tooYoung(
    { name, packages }: Connection,
    published: number | undefined,
    lastModified: string | undefined,
  ): string | undefined {
    if (packages?.minimumAge === undefined) return undefined
    const { text, ms } = packages.minimumAge
    const sinceMs = published ?? Date.parse(lastModified ?? '')
    if (Number.isNaN(sinceMs))
      return `connection "${name}" gives no version before it is ${text} old (minimum_age), and the registry does not say when this one was published`
    return deps.clock.nowMs() - sinceMs >= ms
      ? undefined
      : `connection "${name}" gives no version before it is ${text} old (minimum_age): this one was published at ${new Date(sinceMs).toISOString()}`
  }

  return {
    async refusal(connection, { purl, published }, { headers }) {
      const { packages } = connection
      if (packages === undefined || purl === undefined) return undefined
      if (parsePurl(purl)?.version === undefined) return `${purl} is no package URL with a version`
      return (
        packages.blocked(purl) ??
        (packages.osv === undefined ? undefined : await reported(packages.osv, purl)) ??
        tooYoung(connection, published, headers['last-modified'])
      )
    },
  }
}
