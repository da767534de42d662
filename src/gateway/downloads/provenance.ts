import { MayflyError, messageOf, parsePurl, type Clock } from '../../lib/index.ts'
import type { KnownProvenance, Step, StoredProvenance } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import {
  createTrustedRoots,
  isSameSource,
  verifyAny,
  type Source,
  type Subject,
} from '../../provenance/index.ts'
import type { Download } from '../exchange.ts'
import type { Findings } from '../findings.ts'
import { registryOf } from './first-seen.ts'
import type { RecordedProvenance } from './recorded.ts'

/** What a connection asks of the provenance of files: none is given that does not have it, or has it from elsewhere than before. */
export interface ProvenanceCheck {
  /**
   * Undefined where nobody asks for it. Throws `denied`, of which what an honest publisher does not do is recorded as a finding.
   * `lastModified`: of the file, as its answer says.
   */
  check(
    step: Step,
    connection: Connection,
    download: Download,
    lastModified: string | undefined,
  ): Promise<RecordedProvenance | undefined>
}

type Proven =
  | { readonly is: 'proven'; readonly source: Source; readonly by: 'sigstore' | 'registry' }
  | { readonly is: 'missing' }
  | { readonly is: 'invalid'; readonly why: string }

/** One file of a version, and what its connection says of provenance. */
interface Asked {
  readonly step: Step
  readonly connection: Connection
  readonly registry: string
  readonly purl: string
  /** Package URL without a version. */
  readonly name: string
  readonly version: string
  readonly publishedMs: number | undefined
}

/** Files whose attestations held, which need not be asked for again: several steps have the same. */
const maxRemembered = 20_000

export function createProvenanceCheck(deps: {
  clock: Clock
  findings: Findings
  known: StoredProvenance
}): ProvenanceCheck {
  const roots = createTrustedRoots(deps)
  const proven = new Map<string, Proven>()

  async function prove({ connection, registry, purl }: Asked, download: Download): Promise<Proven> {
    const trustedRoot = connection.packages?.provenance?.trustedRoot
    const subject = subjectOf(download)
    if (subject === undefined)
      return {
        is: 'invalid',
        why: 'its lockfile has no digest of the kind that attestations have (SHA-512 of npm, SHA-256 of Python)',
      }
    const key = `${registry} ${purl} ${subject.digest} ${trustedRoot}`
    const known = proven.get(key)
    if (known !== undefined) return known
    const trust = trustedRoot === undefined ? 'registry' : await roots.of(trustedRoot)
    const attestations = (await download.attestations?.()) ?? []
    if (attestations.length === 0) return { is: 'missing' }
    const verdict = await verifyAny(attestations, subject, trust)
    if (!verdict.ok) return { is: 'invalid', why: verdict.why }
    const found: Proven = {
      is: 'proven',
      source: verdict.source,
      by: trust === 'registry' ? trust : 'sigstore',
    }
    const [oldest] = proven.keys()
    if (proven.size >= maxRemembered && oldest !== undefined) proven.delete(oldest)
    proven.set(key, found)
    return found
  }

  /** What is missing, invalid or from elsewhere is refused; a finding where the package is known to have had it. */
  function refuse(asked: Asked, why: string, what: string, was?: KnownProvenance, now?: Source): never {
    const { step, connection, registry, purl } = asked
    if (was !== undefined || why === 'invalid')
      deps.findings.found(step, 'provenance.downgraded', `${registry} ${purl} ${why}`, {
        ...{ connection: connection.name, registry, purl, why },
        ...(was === undefined
          ? {}
          : { was: { repository: was.repository, issuer: was.issuer, version: was.version } }),
        ...(now === undefined
          ? {}
          : { now: { repository: now.repository, issuer: now.issuer, builder: now.builder } }),
      })
    throw new MayflyError(
      'denied',
      `${what} (provenance: ${connection.packages?.provenance?.mode}). If its publisher says that it is right, name "${asked.name}@${asked.version}" under provenance_may_change of connection "${connection.name}"`,
    )
  }

  async function holdSource(asked: Asked, source: Source): Promise<void> {
    const { connection, registry, name, version, purl, publishedMs } = asked
    const { issuer, repository, repositoryId } = source
    const seen = { issuer, repository, repositoryId, version, sinceMs: publishedMs ?? deps.clock.nowMs() }
    const known = await deps.known.see(registry, name, seen, {
      isSame: (one) => isSameSource(plain(one), source),
      replace: connection.packages?.provenanceMayChange(purl) === true,
    })
    if (isSameSource(plain(known), source) || !isLater(asked, known)) return
    refuse(
      asked,
      'other_repository',
      `${name}@${version} was made in ${repository}, and ${known.version} in ${known.repository}`,
      known,
      source,
    )
  }

  async function holdMissing(asked: Asked, mode: string): Promise<void> {
    const { connection, registry, name, version, purl } = asked
    if (connection.packages?.provenanceMayChange(purl) === true) return
    const known = await deps.known.of(registry, name)
    if (known !== undefined && isLater(asked, known))
      refuse(
        asked,
        'missing',
        `${name}@${version} has no provenance, and ${known.version}, which is no younger, was made in ${known.repository}: whoever published it may not be who did before`,
        known,
      )
    if (mode === 'require') refuse(asked, 'missing', `${name}@${version} has no provenance`)
  }

  return {
    async check(step, connection, download, lastModified) {
      const { packages } = connection
      const provenance = packages?.provenance
      const { purl, attestations } = download
      const { version } = parsePurl(purl ?? '') ?? {}
      if (
        provenance === undefined ||
        purl === undefined ||
        attestations === undefined ||
        version === undefined
      )
        return undefined
      const publishedMs = [download.published, Date.parse(lastModified ?? '')].find(Number.isFinite)
      const name = purl.replace(/@[^@/]*$/, '')
      const asked = { step, connection, registry: registryOf(connection), purl, name, version, publishedMs }
      if (provenance.mode === 'record') return recorded(await prove(asked, download).catch(problemOf))
      const found = await prove(asked, download)
      if (found.is === 'missing') await holdMissing(asked, provenance.mode)
      if (found.is === 'proven') await holdSource(asked, found.source)
      if (found.is === 'invalid' && packages?.provenanceMayChange(purl) !== true)
        refuse(asked, 'invalid', `the provenance of ${name}@${version} does not hold: ${found.why}`)
      return recorded(found)
    },
  }
}

function recorded(found: Proven): RecordedProvenance {
  if (found.is === 'missing') return { by: 'none' }
  if (found.is === 'invalid') return { by: 'none', problem: found.why }
  const { repository, builder, commit } = found.source
  return { by: found.by, repository, builder, ...(commit === undefined ? {} : { commit }) }
}

function problemOf(error: unknown): Proven {
  return { is: 'invalid', why: messageOf(error).slice(0, 300) }
}

/** Of a version whose age nobody says it is taken that it came later: it might have been published a minute ago. */
function isLater({ publishedMs }: Asked, { sinceMs }: KnownProvenance): boolean {
  return publishedMs === undefined || publishedMs >= sinceMs
}

function plain({ repositoryId, ...known }: KnownProvenance) {
  return { ...known, ...(repositoryId === undefined ? {} : { repositoryId }) }
}

/** The digest that the file is held against, of the kind that statements about such files have. */
function subjectOf({ integrity, purl = '' }: Download): Subject | undefined {
  if (typeof integrity !== 'string') return undefined
  const algorithm = purl.startsWith('pkg:npm/') ? 'sha512' : 'sha256'
  const named = integrity.split(/\s+/).filter((one) => one.startsWith(`${algorithm}-`))
  const [only] = new Set(
    named.map((one) =>
      Buffer.from(one.slice(algorithm.length + 1).split('?')[0] ?? '', 'base64').toString('hex'),
    ),
  )
  return only === undefined ? undefined : { algorithm, digest: only }
}
