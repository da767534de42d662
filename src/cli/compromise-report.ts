import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createTileHashes,
  leafHash,
  proveInclusion,
  readEntries,
  verifyInclusion,
} from '../audit/verify/index.ts'
import { MayflyError } from '../lib/index.ts'
import { openAuditSearch, type SearchOptions } from './audit-search.ts'
import { openAuditSource } from './audit-source.ts'
import { escapeMarkdown } from './markdown.ts'
import type { SignedCheckpoint } from './audit-checkpoint.ts'
import { madeWithIt, type CompromiseAnswer } from './compromise-answer.ts'

export interface Uses {
  readonly count: number
  readonly runs: number
  readonly files: readonly string[]
}

/** One lease that was made from the secret, with the proof that its entry stands in the log. */
interface Use {
  readonly index: number
  readonly time: string
  readonly run: string
  readonly role: string
  readonly step: string
  readonly connection: string
  readonly repository: string
  readonly lease: string
  /** Base64: the leaf's hash, and the path from it to the root of the checkpoint (RFC 9162, section 2.1.3). */
  readonly leaf_hash: string
  readonly inclusion: readonly string[]
}

/** Writes report.json and report.md; the log's entries are held against its signed checkpoint. */
export async function writeReport(
  folder: string,
  said: CompromiseAnswer,
  options: SearchOptions,
): Promise<Uses> {
  const { search, checkpoint } = await openAuditSearch(options)
  const uses: Use[] = []
  try {
    const query = {
      terms: { secret: [said.secret], type: ['lease.issued'] },
      fromMs: Date.parse(said.made),
      toMs: undefined,
    }
    for await (const { index, entry } of search.find(query)) {
      // A newer version is not what was leaked; entries that say no version may be of it.
      if (versionIn(entry.data, said.secret) > said.version) continue
      uses.push({ ...usedBy(index, entry), ...(await proved(index, checkpoint, options)) })
    }
  } finally {
    search.close()
  }
  const report = {
    format: 'mayfly-compromise-report/1',
    ...said,
    log: { origin: checkpoint.origin, size: checkpoint.size, checkpoint: checkpoint.note },
    uses,
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const [json, text] = [join(folder, 'report.json'), join(folder, 'report.md')]
  writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 })
  writeFileSync(text, markdownOf(said, uses, checkpoint), { mode: 0o600 })
  return { count: uses.length, runs: new Set(uses.map(({ run }) => run)).size, files: [text, json] }
}

/** Which version of the secret a lease was made from, as its entry says; 0 if it does not. */
export function versionIn(data: Readonly<Record<string, unknown>>, secret: string): number {
  const versions = (data['secretVersions'] ?? {}) as Readonly<Record<string, unknown>>
  const own = data['secret'] === secret ? data['secretVersion'] : undefined
  const version = Number(textOf(own ?? (Object.hasOwn(versions, secret) ? versions[secret] : undefined)))
  return Number.isSafeInteger(version) ? version : 0
}

function usedBy(
  index: number,
  entry: { time: string; run?: string; subject?: string; data: Record<string, unknown> },
) {
  const { data } = entry
  const job = (data['job'] ?? {}) as Record<string, unknown>
  return {
    index,
    time: entry.time,
    run: entry.run ?? '',
    role: textOf(data['role']),
    step: textOf(data['step']),
    connection: textOf(data['connection']),
    repository: textOf(job['repository']),
    lease: entry.subject ?? '',
  }
}

async function proved(index: number, checkpoint: SignedCheckpoint, options: SearchOptions) {
  const source = openAuditSource(options)
  for await (const { bytes } of readEntries(source, { from: index, to: index + 1 })) {
    const hashes = await proveInclusion(createTileHashes(source, checkpoint.size), index, checkpoint.size)
    const leaf = leafHash(bytes)
    if (verifyInclusion({ index, size: checkpoint.size, leaf, root: checkpoint.root }, hashes))
      return { leaf_hash: leaf.toBase64(), inclusion: hashes.map((hash) => hash.toBase64()) }
  }
  throw new MayflyError('audit_corrupt', `entry ${index} is not under the signed root: mayfly audit verify`)
}

function markdownOf(
  said: CompromiseAnswer,
  uses: readonly Use[],
  { origin, size }: SignedCheckpoint,
): string {
  const { secret, version, reason, made, leases, rotation, proof, ended, needs } = said
  const dead =
    proof === 'probed'
      ? `The old value was tried, and is dead (${ended}).`
      : ended === null
        ? `The answer is not over.${needs === null ? '' : ` A person must act: ${needs}.`}`
        : 'It could not be proved that the old value is dead.'
  const rows = uses.map(({ index, time, run, role, connection, repository }) =>
    [String(index), time, run, repository, role, connection].map(escapeMarkdown).join(' | '),
  )
  return `# ${escapeMarkdown(secret)}, version ${version}, is compromised

- Said on ${said.said}${reason === null ? '' : `: ${escapeMarkdown(reason)}`}
- The version was made on ${made}; ${leases} leases that stood were ended
- ${rotation === null ? 'No rotation' : `Rotation ${rotation.id}: ${rotation.state}`}
- ${escapeMarkdown(dead)}
${said.made_with.map((one) => `- ${escapeMarkdown(madeWithIt(one))}\n`).join('')}
## Who used it since it was made

${uses.length} leases, by the audit log ${escapeMarkdown(origin)} at size ${size}; the proof of each entry is in report.json.

${uses.length === 0 ? '' : `entry | time | run | repository | role | connection\n---|---|---|---|---|---\n${rows.join('\n')}\n`}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
