/** A witness as a process of its own, for tests and benchmarks: `node child.fixture.ts FOLDER NAME LOG_KEY`. */
import { systemClock } from '../../lib/index.ts'
import { startWitness } from './index.ts'

const [folder = '', name = '', logKey = ''] = process.argv.slice(2)
const witness = await startWitness({
  folder,
  name,
  logs: [logKey],
  host: '127.0.0.1',
  port: 0,
  clock: systemClock,
  // A fork would be the log's failure, and is looked for there.
  onFork: (line) => process.stderr.write(`${line}\n`),
})
process.once('SIGTERM', () => void witness.close().then(() => process.exit(0)))
// Nobody is left who would end it.
process.once('disconnect', () => process.exit(1))
process.send?.({ url: witness.url, verifierKey: witness.verifierKey })
