import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import fc from 'fast-check'

// Tests run in many processes, and each loads much of src/: what one has compiled the next ones take. In the tree, since
// others may write to the machine's temporary folder; by a call, since the variable would reach every process that a test starts.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'))

// Property tests try the same cases each time, so what fails is of the change. Others are tried by whoever gives another seed.
// oxlint-disable-next-line node/no-process-env -- where to start is said by who starts the tests
const { MAYFLY_FUZZ_SEED: seed } = process.env
if (isMainThread) fc.configureGlobal({ seed: Number(seed ?? 1) })
