import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../lib/index.ts'
import { publishedCheckpoint, trustOf } from '../audit-checkpoint.ts'
import { openAuditSource } from '../audit-source.ts'
import type { Check } from './check.ts'

/** On the server's machine: has the log a checkpoint that its pinned key signed? `mayfly audit verify` reads the rest. */
export const checkLog: Check = async ({ dataFolder }) => {
  const name = 'audit log'
  if (dataFolder === undefined || !existsSync(join(dataFolder, 'audit')))
    return { name, state: 'skip', says: 'none on this machine' }
  try {
    const options = { data: dataFolder, json: false }
    const { size } = await publishedCheckpoint(openAuditSource(options), trustOf(options))
    return { name, state: 'ok', says: `${size} entries published, signed by the pinned key` }
  } catch (error) {
    return {
      name,
      state: 'fail',
      says: messageOf(error),
      mend: 'mayfly audit verify says more (docs/audit.md)',
    }
  }
}
