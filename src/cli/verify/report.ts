import type { Verified } from '../../attest/verify/index.ts'
import { junitOf } from '../../runner/index.ts'
import { writeFileSync } from 'node:fs'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { print } from '../output.ts'
import { visible } from '../story.ts'

/** What came of one artifact. */
export interface Outcome {
  readonly name: string
  readonly digest?: string
  /** `unknown`: it, its registry or the server could not be read. */
  readonly result: 'verified' | 'not verified' | 'unknown'
  readonly reasons: readonly string[]
  readonly by?: Verified
  /** Of an index that has no attestation of its own that counts: by whom each image in it is signed. `by` is the first one's. */
  readonly images?: readonly { readonly digest: string; readonly by: Verified }[]
  readonly ms: number
  /** Texts of all that was looked at. */
  readonly found?: readonly string[]
}

export function report(
  outcomes: readonly Outcome[],
  { json, junit }: { readonly json: boolean; readonly junit?: string },
): void {
  if (junit !== undefined) writeJunit(outcomes, junit)
  const verified = outcomes.every(({ result }) => result === 'verified')
  print(json, { verified, artifacts: outcomes.map(asJson) }, outcomes.flatMap(linesOf).map(visible))
}

export function asJson({ name, digest, result, reasons, by, images }: Outcome) {
  return {
    name,
    digest: digest ?? null,
    result: result.replace(' ', '_'),
    reasons,
    by: by === undefined ? null : signedBy(by),
    ...(images === undefined
      ? {}
      : { images: images.map((one) => ({ digest: one.digest, by: signedBy(one.by) })) }),
  }
}

function signedBy({ signer, statement, timeMs, logIndex }: Verified) {
  return {
    predicate_type: statement?.predicateType ?? null,
    signed: new Date(timeMs).toISOString(),
    log_index: logIndex,
    ...(signer.kind === 'key'
      ? { key: signer.keyId }
      : { identity: signer.identity.san, issuer: signer.identity.issuer }),
  }
}

function linesOf({ name, digest, result, reasons, by, images }: Outcome): string[] {
  const head = `${result === 'unknown' ? 'CANNOT TELL' : result === 'verified' ? 'verified' : 'NOT VERIFIED'}: ${name}`
  const of = digest === undefined || digest === name ? head : `${head} (${digest})`
  if (by === undefined) return [of, ...reasons.map((reason) => `  ${reason}`)]
  if (images !== undefined) return [of, ...images.map((one) => `  ${one.digest} ${signedLine(one.by)}`)]
  return [of, `  ${signedLine(by)}`]
}

function signedLine({ signer, timeMs, logIndex }: Verified): string {
  const who = signer.kind === 'key' ? `key ${signer.keyId}` : signer.identity.san
  return `signed by ${who}, ${new Date(timeMs).toISOString()}, entry ${logIndex} of the attestation log`
}

export function writeJunit(outcomes: readonly Outcome[], file: string): void {
  const cases = outcomes.map(({ name, result, reasons, ms }) => ({
    ...{ name, classname: 'mayfly.verify', seconds: ms / 1000 },
    ...(result === 'verified'
      ? {}
      : {
          said: {
            tag: result === 'unknown' ? ('error' as const) : ('failure' as const),
            message: reasons.join('; '),
            type: result,
          },
        }),
  }))
  try {
    writeFileSync(file, junitOf('mayfly verify', cases))
  } catch (cause) {
    throw new MayflyError('bad_input', `--junit ${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
