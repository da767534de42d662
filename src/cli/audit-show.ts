import { readEntries, shortType, textOf } from '../audit/verify/index.ts'
import { folderSource } from '../audit/verify/node.ts'
import { auditFolderOf } from './audit-folder.ts'
import { exitCodes, print } from './output.ts'
import { tellEntry, type LogEntry } from './story.ts'

/** Reads the published entries and tells those of one run, or all, in their order. */
export async function showAudit(options: {
  run?: string
  folder?: string
  data?: string
  json: boolean
}): Promise<number> {
  const { folder } = auditFolderOf(options)
  const entries: LogEntry[] = []
  for await (const { index, bytes } of readEntries(folderSource(folder))) {
    const entry = parseEntry(index, bytes)
    if (options.run === undefined || entry.run === options.run) entries.push(entry)
  }
  if (entries.length === 0) {
    print(options.json, { entries }, [
      options.run === undefined
        ? 'the log is empty'
        : `no entry of run ${options.run} (published once a second)`,
    ])
    return exitCodes.refused
  }
  print(options.json, { entries }, entries.flatMap(tellEntry))
  return exitCodes.ok
}

function parseEntry(index: number, bytes: Uint8Array): LogEntry {
  const event = JSON.parse(textOf(bytes)) as {
    type: string
    time: string
    subject?: string
    mayflyrun?: string
    data: Record<string, unknown>
  }
  return {
    index,
    time: event.time,
    type: shortType(event.type) ?? event.type,
    subject: event.subject,
    run: event.mayflyrun,
    data: event.data,
  }
}
