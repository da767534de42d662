import { join } from 'node:path'
import { openSearch, type Search } from '../audit/search/index.ts'
import { readEnvironment } from '../config/environment.ts'
import { sha256Hex } from '../lib/index.ts'
import { publishedCheckpoint, trustOf, type SignedCheckpoint } from './audit-checkpoint.ts'
import { type AuditOptions, openAuditSource } from './audit-source.ts'

export interface SearchOptions extends AuditOptions {
  /** False for `--no-index`: everything is read, nothing is kept. */
  index: boolean
}

/** The log that the options name, ready to be searched; its index is kept in the user's cache folder. */
export async function openAuditSearch(
  options: SearchOptions,
): Promise<{ search: Search; checkpoint: SignedCheckpoint }> {
  const source = openAuditSource(options)
  const checkpoint = await publishedCheckpoint(source, trustOf(options))
  const search = await openSearch({
    source,
    under: checkpoint,
    file: options.index ? indexFileOf(source.name, checkpoint.origin) : undefined,
    tell: (line) => process.stderr.write(`mayfly: ${line}\n`),
  })
  return { search, checkpoint }
}

/** One for each log and place that it is read from: a copy elsewhere may be older. */
function indexFileOf(place: string, origin: string): string | undefined {
  const { cacheFolder } = readEnvironment()
  const name = sha256Hex(`${origin}\n${place}`).slice(0, 24)
  return cacheFolder === undefined ? undefined : join(cacheFolder, 'audit-index', `${name}.db`)
}
