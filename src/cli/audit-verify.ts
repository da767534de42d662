import { verifyLog } from '../audit/verify/index.ts'
import { auditKeyOf, type AuditOptions, openAuditSource, readText, readTlogPolicy } from './audit-source.ts'
import { exitCodes, print } from './output.ts'
import { visible } from './story.ts'

/** Recomputes the whole log. `--known` takes checkpoints that were kept elsewhere: a rewritten log contradicts them. */
export async function verifyAudit(options: AuditOptions & { known?: string[] }): Promise<number> {
  const source = openAuditSource(options)
  const key = auditKeyOf(options)
  const verdict = await verifyLog(source, key.vkey, {
    known: (options.known ?? []).map(readText),
    ...(options.policy === undefined ? {} : { policy: readTlogPolicy(options.policy) }),
  })
  if (!verdict.ok) {
    const { kind, where, message } = verdict.problem
    print(options.json, verdict, [visible(`NOT VERIFIED: ${kind} at ${where}: ${message}`)])
    return kind === 'unreadable' && options.url !== undefined ? exitCodes.unavailable : exitCodes.refused
  }
  const { size, rootHash, checkpoints, timeSeconds, witnesses } = verdict
  const signed = new Date(timeSeconds * 1_000).toISOString()
  const cosigned =
    witnesses.length === 0 ? '' : `, cosigned by ${witnesses.map(({ name }) => name).join(', ')}`
  print(options.json, verdict, [
    `verified: ${size} entries, ${checkpoints} checkpoints, root ${rootHash}, signed ${signed}${cosigned}`,
    ...(key.untrusted === undefined
      ? []
      : [`(the key is the folder’s own, ${key.untrusted}: compare it with one you trust)`]),
  ])
  return exitCodes.ok
}
