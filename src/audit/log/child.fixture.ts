/** An audit log as a process of its own, for tests and benchmarks: `node child.fixture.ts FOLDER TOKEN_HASH [MS [POLICY [attest]]]`. */
import { messageOf, systemClock } from '../../lib/index.ts'
import { parseTlogPolicy } from '../verify/index.ts'
import { startAuditLog } from './index.ts'

const [folder = '', appendTokenHash = '', intervalMs = '1000', policyText = '', attest = ''] =
  process.argv.slice(2)
try {
  const policy = policyText === '' ? undefined : parseTlogPolicy(policyText)
  if (policy?.ok === false) throw new Error('the policy of the witnesses is malformed')
  const log = await startAuditLog({
    folder,
    appendTokenHash,
    host: '127.0.0.1',
    port: 0,
    origin: 'test.example/audit',
    clock: systemClock,
    publishIntervalMs: Number(intervalMs),
    ...(attest === '' ? {} : { attestations: {} }),
    ...(policy === undefined ? {} : { witnessPolicy: policy.policy }),
    onFatal: (error) => console.error(error.message),
  })
  process.once('SIGTERM', () => void log.close().then(() => process.exit(0)))
  // Nobody is left who would end it.
  process.once('disconnect', () => process.exit(1))
  process.send?.({
    url: log.url,
    verifierKey: log.verifierKey,
    attestationKey: log.attestations?.verifierKey,
  })
} catch (error) {
  process.send?.({ error: messageOf(error) })
  process.exitCode = 1
  process.disconnect?.()
}
