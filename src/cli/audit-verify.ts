import {
  encodeVerifierKey,
  type LogSource,
  textOf,
  type Verifier,
  verifyCheckpoint,
  verifyLog,
} from '../audit/verify/index.ts'
import { createRekordCheck, ofAttestations } from './audit-attestations.ts'
import { trustOf } from './audit-checkpoint.ts'
import { readText } from './audit-file.ts'
import { checkPeopleOf, type PeopleOptions, tellPeople } from './audit-people.ts'
import { openAuditSource } from './audit-source.ts'
import { exitCodes, print } from './output.ts'
import { visible } from './story.ts'

/** Recomputes the whole log. `--known` takes checkpoints that were kept elsewhere: a rewritten log contradicts them. */
export async function verifyAudit(
  given: PeopleOptions & { known?: string[]; attestations: boolean },
): Promise<number> {
  const options = given.attestations ? ofAttestations(given) : given
  const source = openAuditSource(options)
  const trust = trustOf(options)
  const verifier = 'key' in trust ? trust.key.verifier : await signerOf(source, trust.policy.logs)
  // No person is named in the attestation log, and its entries are of one form.
  const people = given.attestations ? undefined : checkPeopleOf(options)
  const rekords = given.attestations ? createRekordCheck() : undefined
  const check = people ?? rekords
  const verdict = await verifyLog(source, encodeVerifierKey(verifier.name, 'note', verifier.publicKey), {
    known: (options.known ?? []).map(readText),
    ...('key' in trust ? {} : { policy: trust.policy }),
    ...(check === undefined
      ? {}
      : { onEntry: (index: number, bytes: Uint8Array) => check.add(index, bytes) }),
  })
  if (!verdict.ok) {
    const { kind, where, message } = verdict.problem
    print(options.json, verdict, [visible(`NOT VERIFIED: ${kind} at ${where}: ${message}`)])
    return kind === 'unreadable' ? exitCodes.unavailable : exitCodes.refused
  }
  const strange = rekords?.strange() ?? []
  if (strange.length > 0) {
    const which = strange.slice(0, 10).join(', ')
    print(options.json, { ...verdict, ok: false, strange }, [
      `NOT VERIFIED: the entries are what was signed, but ${strange.length} are no signatures, which this log takes none of: ${which}`,
    ])
    return exitCodes.refused
  }
  const names = await people?.verdict()
  if (names !== undefined && names.problems.length > 0) {
    const summary =
      'NOT VERIFIED: the entries are what was signed, what stands beside them about people was changed'
    print(options.json, { ...verdict, ok: false, people: names }, [...tellPeople(names), summary])
    return exitCodes.refused
  }
  const { size, rootHash, checkpoints, timeSeconds, witnesses } = verdict
  const signed = new Date(timeSeconds * 1_000).toISOString()
  const cosigned =
    witnesses.length === 0 ? '' : `, cosigned by ${witnesses.map(({ name }) => name).join(', ')}`
  print(options.json, { ...verdict, people: names }, [
    `verified: ${size} entries, ${checkpoints} checkpoints, root ${rootHash}, signed ${signed}${cosigned}`,
    ...('key' in trust && trust.key.untrusted !== undefined
      ? [`(the key is the folder’s own, ${trust.key.untrusted}: compare it with one you trust)`]
      : []),
  ])
  return exitCodes.ok
}

/** Which of the policy's logs has signed the checkpoint; the first one if none has, which then does not verify. */
async function signerOf(source: LogSource, logs: readonly { verifier: Verifier }[]): Promise<Verifier> {
  const note = textOf((await source.read('checkpoint')) ?? new Uint8Array(0))
  for (const { verifier } of logs) if ((await verifyCheckpoint(note, verifier)).ok) return verifier
  return logs[0]!.verifier
}
