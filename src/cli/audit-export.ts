import { open } from 'node:fs/promises'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { createExporter, type ExportFormat } from '../audit/export/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import { entriesOf } from './audit-checkpoint.ts'
import type { AuditOptions } from './audit-source.ts'
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

/** One line of JSON for each entry. A line that could not be made is said, and the exit code is 1. */
export async function exportAudit(options: ExportOptions): Promise<number> {
  const { run, repository, role, out } = options
  const filter = {
    ...(run === undefined ? {} : { run }),
    ...(repository === undefined ? {} : { repository }),
    ...(role === undefined ? {} : { role }),
    ...(options.from === undefined ? {} : { fromMs: timeOf(options.from) }),
    ...(options.to === undefined ? {} : { toMs: timeOf(options.to) }),
  }
  endWithReader()
  const take = createExporter(options.format, filter)
  const stream = out === undefined ? process.stdout : await openNew(out)
  const unreadable: number[] = []
  for await (const { index, bytes } of entriesOf(options)) {
    const line = take(index, bytes)
    if (line === null) unreadable.push(index)
    else if (line !== undefined && !stream.write(`${line}\n`)) await once(stream, 'drain')
  }
  if (stream !== process.stdout) await finished(stream.end())
  if (unreadable.length === 0) return exitCodes.ok
  throw new MayflyError(
    'audit_corrupt',
    `entries ${unreadable.slice(0, 20).join(', ')} cannot be read and are left out: --format ndjson shows them`,
  )
}

async function openNew(file: string) {
  try {
    return (await open(file, 'wx', 0o600)).createWriteStream()
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be made: ${messageOf(cause)}`, { cause })
  }
}

function timeOf(text: string): number {
  const timeMs = Date.parse(text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(timeMs)) return timeMs
  throw new MayflyError('bad_input', `${text} is no time such as 2026-11-25 or 2026-11-25T10:00:00Z`)
}
