import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

// Tests run in many processes, and each loads much of src/: what one has compiled the next ones take. In the tree, since
// others may write to the machine's temporary folder; by a call, since the variable would reach every process that a test starts.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'))
