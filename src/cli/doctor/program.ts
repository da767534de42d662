import { version } from '../../lib/index.ts'
import { nodeOf } from '../own-node.ts'
import type { Check } from './check.ts'

/** Mayfly itself, and the Node that runs it. */
export const checkProgram: Check = async () => ({
  name: 'mayfly',
  state: 'ok',
  says: `version ${version}, on ${nodeOf(process.execPath)}`,
})
