import { createWriteStream, existsSync } from 'node:fs'
import { link, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createExporter, type ExportFormat } from '../audit/export/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { entriesOf } from './audit-checkpoint.ts'
import type { AuditOptions } from './audit-source.ts'
import { timeOf } from './audit-time.ts'
import { endWithReader, exitCodes } from './output.ts'

export interface ExportOptions extends AuditOptions {
  format: ExportFormat
  run?: string
  repository?: string
  role?: string
  from?: string
  to?: string
  out?: string
}

/**
 * One line of JSON for each entry. A line that could not be made is said, and the exit code is 1. A file that is asked for
 * is there once it is whole, or not at all.
 */
export async function exportAudit(options: ExportOptions): Promise<number> {
  const { run, repository, role, out } = options
  const [fromMs, toMs] = [timeOf(options.from), timeOf(options.to)]
  const filter = {
    ...(run === undefined ? {} : { run }),
    ...(repository === undefined ? {} : { repository }),
    ...(role === undefined ? {} : { role }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  }
  const take = createExporter(options.format, filter)
  const unreadable: number[] = []
  async function* lines(): AsyncGenerator<string> {
    for await (const { index, bytes } of entriesOf(options)) {
      const line = take(index, bytes)
      if (line === null) unreadable.push(index)
      else if (line !== undefined) yield `${line}\n`
    }
  }
  if (out === undefined) {
    endWithReader()
    await pipeline(lines(), process.stdout, { end: false })
  } else await writeNew(out, lines())
  if (unreadable.length === 0) return exitCodes.ok
  throw new MayflyError(
    'audit_corrupt',
    `entries ${unreadable.slice(0, 20).join(', ')} cannot be read and are left out: --format ndjson shows them`,
  )
}

async function writeNew(file: string, lines: AsyncIterable<string>): Promise<void> {
  if (existsSync(file)) throw new MayflyError('bad_input', `${file} is there already: name a new file`)
  const partial = `${file}.${crypto.randomUUID()}.partial`
  try {
    await pipeline(lines, createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }))
    // Unlike a rename it takes the place of nothing that was made meanwhile.
    await link(partial, file)
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError('bad_input', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  } finally {
    await rm(partial, { force: true })
  }
}
