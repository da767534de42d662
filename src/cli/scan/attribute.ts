import {
  acceptanceOf,
  createAllowList,
  type AllowEntry,
  type AllowList,
  type Finding,
} from '../../scan/findings/index.ts'
import type { UnseenPart } from '../../scan/index.ts'
import type { Unlooked } from '../../scan/reports/index.ts'
import {
  attributeBlobs,
  commitsNamed,
  type BlobOrigin,
  type BlobOrigins,
  type GitPlace,
  type Revisions,
} from '../../scan/sources/index.ts'
import { messageOf } from '../../lib/index.ts'

/** Whose blobs a scan looked at. */
export interface History {
  readonly place: GitPlace
  readonly range?: string | Revisions
}

export type UnlookedPart = Unlooked & Pick<UnseenPart, 'blob' | 'member'>

export interface Attributed {
  readonly findings: readonly Finding[]
  readonly unseen: readonly UnlookedPart[]
}

/**
 * What was found, and what was not looked at, with who brought it and by which path. What a path accepts is accepted if it accepts each by
 * which the blob is, or was, in the history: otherwise a copy in a folder of tests would clear the one that is in use, and is told at
 * one that it does not accept. If Git cannot say who brought what, that is told, and no path accepts anything.
 */
export async function attributed(
  { findings, unseen }: Attributed,
  { place, range }: History,
  { allow, mayBeUnseen }: { allow: readonly AllowEntry[]; mayBeUnseen: (name: string) => boolean },
  nowMs: number,
): Promise<Attributed> {
  const blobs = new Set([...findings, ...unseen].flatMap(({ blob }) => (blob === undefined ? [] : [blob])))
  const failed: UnlookedPart[] = []
  const origins = await attributeBlobs(place, blobs, range).catch((error: unknown) => {
    const why = `by which commits it came cannot be told: ${messageOf(error)}`
    failed.push({ name: 'the history', code: 'unreadable', why })
    return new Map<string, BlobOrigins>()
  })
  const saying = new Set(findings.flatMap((one) => sayingCommit(one) ?? []))
  // What is found is told whether or not Git can say who made it.
  const authors = await commitsNamed(place, saying).catch(() => new Map<string, never>())
  const allows = createAllowList(allow, nowMs)
  return {
    findings: findings.map((one) => {
      const author = authors.get(sayingCommit(one) ?? '')
      const named = author === undefined ? one : { ...one, commit: commitOf(author) }
      return ofOrigins(named, origins, allows, failed.length === 0)
    }),
    unseen: [...failed, ...unseen.flatMap((one) => stillUnseen(one, origins, mayBeUnseen))],
  }
}

/** The commit that says it itself, in its message or its header. */
function sayingCommit({ blob, file }: Finding): string | undefined {
  return blob === undefined ? /^commit ([0-9a-f]{40,64}) \((?:message|header)\)/.exec(file)?.[1] : undefined
}

function commitOf({ commit, author, email, date }: Omit<BlobOrigin, 'path'>): Finding['commit'] & object {
  return { id: commit, author: `${author} <${email}>`, date }
}

function ofOrigins(
  finding: Finding,
  origins: ReadonlyMap<string, BlobOrigins>,
  allows: AllowList,
  allowsBlobs: boolean,
): Finding {
  const { blob, member = '' } = finding
  const known = blob === undefined ? undefined : origins.get(blob)
  if (known === undefined) {
    const isNamed = blob === undefined || finding.file !== member
    const named = isNamed ? finding : { ...finding, file: `blob ${blob}${member}` }
    const isOpen = named.accepted === undefined && (blob === undefined || allowsBlobs)
    const entry = isOpen ? allows.entryForPath(finding, named.file) : undefined
    return entry === undefined ? named : { ...named, accepted: acceptanceOf(entry) }
  }
  const at = (origin: BlobOrigin): Finding => ({
    ...{ ...finding, file: `${origin.path}${member}` },
    commit: commitOf(origin),
  })
  const [oldest] = known.all
  if (finding.accepted !== undefined) return at(oldest)
  const entryAt = ({ path }: BlobOrigin) => allows.entryForPath(finding, `${path}${member}`)
  const open = known.all.find((origin) => entryAt(origin) === undefined)
  const entry = known.isWhole && open === undefined ? entryAt(oldest) : undefined
  return { ...at(open ?? oldest), ...(entry === undefined ? {} : { accepted: acceptanceOf(entry) }) }
}

/** By a path that nobody said need not be looked at; nothing if there is none. */
function stillUnseen(
  unseen: UnlookedPart,
  origins: ReadonlyMap<string, BlobOrigins>,
  mayBeUnseen: (name: string) => boolean,
): UnlookedPart[] {
  const { blob, member = '', name } = unseen
  if (blob === undefined) return [unseen]
  const known = origins.get(blob)
  const isNamed = name !== member
  if (known === undefined) return [isNamed ? unseen : { ...unseen, name: `blob ${blob}${member}` }]
  const names = known.all.map(({ path }) => `${path}${member}`)
  const open = names.find((one) => !mayBeUnseen(one)) ?? (known.isWhole ? undefined : names[0])
  return open === undefined ? [] : [{ ...unseen, name: open }]
}
