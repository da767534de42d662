/**
 * The second door of `audit/verify`, for Node: logs in a folder. Everything else, browsers included, is in `index.ts`.
 * It reads files and nothing else: a pipe, a device or a file without end in a log's folder holds up nobody.
 */
import { folderSource } from './folder-source.ts'
import { verifyLog } from './log.ts'
import type { LogVerdict, VerifyLogOptions } from './log-problem.ts'

export { folderSource }
export { kindOf, readRegularFile } from './regular-file.ts'

/** `verifyLog` of a folder. */
export async function verifyFolder(
  folder: string,
  verifierKey: string,
  options: VerifyLogOptions = {},
): Promise<LogVerdict> {
  return await verifyLog(folderSource(folder), verifierKey, options)
}
