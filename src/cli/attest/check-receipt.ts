import { existsSync } from 'node:fs'
import {
  checkReceipt,
  verifyBundle,
  type CheckedReceipt,
  type Statement,
  type Verified,
} from '../../attest/verify/index.ts'
import { parseVerifierKey } from '../../audit/verify/index.ts'
import { escapeUnseen, MayflyError } from '../../lib/index.ts'
import { readInput, readText } from '../audit-file.ts'
import { trustInUse, type TrustInUse, type TrustNamed } from '../named-trust.ts'
import { print, printError } from '../output.ts'
import { say, textLines, type Outline } from './outline.ts'
import { tellProved, tellUnproved } from './tell-receipt.ts'

export interface CheckReceiptOptions extends TrustNamed {
  /** The audit log's key, or a file that holds it. */
  readonly logKey?: string
  readonly json: boolean
}

type Right = Extract<CheckedReceipt, { ok: true }>

type Verdict =
  | { readonly ok: true; readonly by: Verified; readonly statement: Statement; readonly checked: Right }
  | { readonly ok: false; readonly reason: string; readonly detail: string }

/** As of `mayfly verify`: not to know whether it is right is another thing than to know that it is not. */
const notRight = 1
const cannotTell = 2

/** The largest bundle that a verifier takes. */
const maxBytes = 24_000_000

/** `mayfly attest receipt check`: whatever keeps it from an answer is no answer. */
export async function checkReceiptFile(file: string, options: CheckReceiptOptions): Promise<number> {
  try {
    const { ok, notes, json, lines } = await reportOn(file, options)
    for (const note of notes) process.stderr.write(`mayfly: ${escapeUnseen(note)}\n`)
    print(options.json, json, lines)
    return ok ? 0 : notRight
  } catch (error) {
    printError(options.json, error, escapeUnseen)
    return cannotTell
  }
}

/** Throws a MayflyError for what keeps it from an answer. */
export async function reportOn(file: string, options: CheckReceiptOptions) {
  const logKey = options.logKey === undefined ? undefined : logKeyOf(options.logKey)
  const text = readInput(file, maxBytes).toString()
  const trust = await trustInUse(options)
  const verdict = await verdictOn(text, trust, logKey)
  return {
    ...{ ok: verdict.ok, notes: trust.notes, json: asJson(file, trust, verdict) },
    lines: textLines(outlineOf(file, trust, verdict)),
  }
}

/** A vkey, or a file that holds it. */
function logKeyOf(given: string): string {
  const vkey = (existsSync(given) ? readText(given) : given).trim()
  if (parseVerifierKey(vkey)?.type === 'note') return vkey
  throw new MayflyError('bad_input', `--log-key ${given} is not the public key of a log (NAME+HASH+KEY)`)
}

/** Of the bundle, who signed it, and then of what it says: the first thing that is not so. */
async function verdictOn(
  text: string,
  { roots, own }: TrustInUse,
  logKey: string | undefined,
): Promise<Verdict> {
  const all = roots.map((root) => verifyBundle(text, root))
  const by = all.find((one) => one.ok)
  if (by === undefined) {
    const [refused] = all.flatMap((one) => (one.ok ? [] : [one]))
    return refused ?? { ok: false, reason: 'bad_root', detail: 'nobody is trusted' }
  }
  const { statement, signer } = by
  if (statement === undefined)
    return { ok: false, reason: 'malformed', detail: 'it is the signature of a file, and no receipt' }
  const checked = await checkReceipt(statement, {
    by: { signer, own },
    ...(logKey === undefined ? {} : { logKey }),
  })
  return checked.ok ? { ok: true, by, statement, checked } : checked
}

function asJson(file: string, { whose }: TrustInUse, verdict: Verdict): object {
  if (!verdict.ok)
    return { right: false, file, trust: whose, reason: verdict.reason, detail: verdict.detail, by: null }
  const { by, checked, statement } = verdict
  const { signer, timeMs, logIndex } = by
  return {
    right: true,
    ...{ file, trust: whose, step: checked.step, run: checked.run },
    by: {
      signed: new Date(timeMs).toISOString(),
      log_index: logIndex,
      ...(signer.kind === 'key'
        ? { key: signer.keyId }
        : { identity: signer.identity.san, issuer: signer.identity.issuer }),
    },
    audit_log: {
      ...{ origin: checked.checkpoint.origin, key: checked.logKey, size: checked.checkpoint.size },
      entries: checked.entries.map(({ index, entry }) => ({ index, type: entry.type })),
    },
    complete: checked.isComplete,
    unproved: checked.unproved,
    receipt: statement.predicate,
  }
}

function outlineOf(file: string, { whose }: TrustInUse, verdict: Verdict): Outline[] {
  const trust = { line: say`trust: ${whose}` }
  if (!verdict.ok)
    return [{ line: say`NOT RIGHT: ${file}: ${verdict.detail} (${verdict.reason})`, below: [trust] }]
  const { by, checked, statement } = verdict
  const { signer, timeMs, logIndex } = by
  const { origin, size } = checked.checkpoint
  const who =
    signer.kind === 'key' ? say`key ${signer.keyId}` : say`${signer.identity.san} (${signer.identity.issuer})`
  const key = checked.unproved.includes('audit.key')
    ? say`its key only as the receipt has it: name the one that you know with --log-key`
    : say`its key is the one that was given`
  return [
    {
      line: say`right: ${file}`,
      below: [
        trust,
        {
          line: say`signed by ${who}, ${new Date(timeMs).toISOString()}, entry ${logIndex} of the attestation log`,
        },
        {
          line: say`audit log ${origin}: ${checked.entries.length} entries, shown by their proofs to stand in it (${size} entries); ${key}`,
        },
      ],
    },
    {
      line: checked.unproved.includes('audit.key')
        ? say`proved by these entries, if that key is the log’s:`
        : say`proved by these entries:`,
      below: tellProved(statement, checked),
    },
    { line: say`only the server’s word:`, below: tellUnproved(statement, checked) },
  ]
}
