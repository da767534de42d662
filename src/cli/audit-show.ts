import { parseEntry, readEntries, textOf } from '../audit/verify/index.ts'
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
    const entry = entryOf(index, bytes)
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

/** What cannot be read is told, too: nothing that stands in the log is passed over. */
function entryOf(index: number, bytes: Uint8Array): LogEntry {
  const entry = parseEntry(bytes)
  if (entry !== undefined) return { index, ...entry }
  return { index, time: '', type: 'unknown', subject: '', data: { text: textOf(bytes) } }
}
