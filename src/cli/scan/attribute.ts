import { acceptanceOf, createAllowList, type AllowEntry, type Finding } from '../../scan/findings/index.ts'
import { attributeBlobs, type GitPlace } from '../../scan/sources/index.ts'

/** Whose blobs a scan looked at. */
export interface History {
  readonly place: GitPlace
  readonly range?: string
}

/** The findings with who brought each, and by which path. */
export async function attributed(
  findings: readonly Finding[],
  { place, range }: History,
  allow: readonly AllowEntry[],
  nowMs: number,
): Promise<Finding[]> {
  const blobs = new Set(findings.flatMap(({ blob }) => (blob === undefined ? [] : [blob])))
  const origins = await attributeBlobs(place, blobs, range)
  const allows = createAllowList(allow.flatMap(onlyByPath), nowMs)
  return findings.map((finding) => {
    const origin = finding.blob === undefined ? undefined : origins.get(finding.blob)
    if (origin === undefined) return named(finding)
    const { path, commit: id, author, email, date } = origin
    const file = range === undefined ? `${path}${finding.file}` : finding.file
    const known = { ...finding, file, commit: { id, author: `${author} <${email}>`, date } }
    if (known.accepted !== undefined) return known
    const entry = allows({ ...known, secret: '', line: '' })
    return entry === undefined ? known : { ...known, accepted: acceptanceOf(entry) }
  })
}

/** A blob that no commit has any more was staged once. */
function named(finding: Finding): Finding {
  return finding.file === '' || finding.file.startsWith('!')
    ? { ...finding, file: `blob ${finding.blob ?? ''}${finding.file}` }
    : finding
}

/**
 * In a history a blob is scanned before its path is known: what allows by paths is asked again here, where the secret is no more. So an
 * entry that asks for the secret as well allows nothing in a history.
 */
function onlyByPath(entry: AllowEntry): AllowEntry[] {
  const { values, words, expressions, ...rest } = entry
  const ofFile = expressions?.filter(({ of }) => of === 'file')
  const asksMore = values !== undefined || words !== undefined || ofFile?.length !== expressions?.length
  if (asksMore && rest.isAny !== true) return []
  if (rest.paths === undefined && (ofFile ?? []).length === 0) return []
  return [{ ...rest, ...(ofFile === undefined || ofFile.length === 0 ? {} : { expressions: ofFile }) }]
}
