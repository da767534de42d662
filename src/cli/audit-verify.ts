import { verifyFolder } from '../audit/verify/node.ts'
import { auditFolderOf } from './audit-folder.ts'
import { exitCodes, print } from './output.ts'

export async function verifyAudit(options: {
  folder?: string
  key?: string
  data?: string
  json: boolean
}): Promise<number> {
  const { folder, key, keyFrom } = auditFolderOf(options)
  const verdict = await verifyFolder(folder, key)
  if (!verdict.ok) {
    const { kind, where, message } = verdict.problem
    print(options.json, verdict, [`NOT VERIFIED: ${kind} at ${where}: ${message}`])
    return exitCodes.refused
  }
  const { size, rootHash, checkpoints } = verdict
  const note = keyFrom.startsWith(folder)
    ? [`(the key is the folder’s own, ${keyFrom}: compare it with one you trust)`]
    : []
  print(options.json, verdict, [
    `verified: ${size} entries, ${checkpoints} checkpoints, root ${rootHash}`,
    ...note,
  ])
  return exitCodes.ok
}
