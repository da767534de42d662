/** Verifies a log in a process of its own, whose memory can be told: `node verify-child.ts FOLDER KEY`. */
import { verifyFolder } from '../src/audit/verify/node.ts'

const [folder = '', key = ''] = process.argv.slice(2)
const startMs = performance.now()
const verdict = await verifyFolder(folder, key)
const seconds = (performance.now() - startMs) / 1_000
// Kilobytes (getrusage).
const peakBytes = process.resourceUsage().maxRSS * 1024
process.stdout.write(JSON.stringify({ verdict, seconds, peakBytes }))
