import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../clients/suite.ts'
import type { Case, Verifier } from './case.ts'
import { casesOf } from './cases.ts'
import { mayfly } from './mayfly.ts'
import { ownCases } from './own.ts'
import { openssl } from './openssl.ts'
import { inToto, sigstorePython } from './python.ts'
import { cosign, sigstoreGo } from './sigstore-go.ts'
import { sigstoreJs } from './sigstore-js.ts'
import { summaryCases } from './summaries.ts'
import { upCases } from './up.ts'

export const verifiers: readonly Verifier[] = [
  ...[mayfly, sigstoreJs, cosign, sigstoreGo, sigstorePython, inToto],
  ...openssl,
]

/** Verifiers that are not to be had here, and what is known of them. */
const absent: readonly (readonly [name: string, why: string])[] = [
  [
    'slsa-verifier',
    'not served by the Go module proxy; it takes bundles under the public root alone, and plain envelopes by a key (verify-vsa)',
  ],
  ['gh attestation verify', 'not served by the Go module proxy; it is built on sigstore-go, which is above'],
  ['notation', 'not served by the Go module proxy; it knows signatures in JWS and COSE, and no bundles'],
]

export interface Row {
  readonly name: string
  readonly ok: boolean
  readonly note: string
}

/** Who is asked what: every case by every verifier that has a say in it. */
export async function questions(): Promise<readonly { verifier: Verifier; one: Case }[]> {
  const cases = [...(await casesOf()), ...(await summaryCases()), ...ownCases(), ...upCases()]
  return cases.flatMap((one) =>
    verifiers.filter((verifier) => verifier.knows(one)).map((verifier) => ({ verifier, one })),
  )
}

export function missingOf({ needs }: Verifier): string | undefined {
  const missing = needs.filter((name) => findProgram(name) === undefined)
  return missing.length === 0 ? undefined : `not on this machine: ${missing.join(', ')} (npm run peers)`
}

/** A row is right if the verifier says what we say, or otherwise just where it is known to, which the note explains. */
export async function ask(verifier: Verifier, one: Case): Promise<Row> {
  const name = nameOf(verifier, one)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-verifiers-'))
  try {
    const { isTaken, said } = await verifier.verify(await one.make(), one, folder)
    const why = verifier.otherwise[one.name]
    const ok = isTaken === (why === undefined ? one.isGood : !one.isGood)
    const did = isTaken ? 'takes it' : `refuses it: ${said}`
    return { name, ok, note: why === undefined ? did : `${isTaken ? 'takes it' : 'refuses it'}: ${why}` }
  } catch (error) {
    return { name, ok: false, note: error instanceof Error ? error.message : String(error) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function nameOf(verifier: Verifier, one: Case): string {
  return `${verifier.name}: ${one.name}${one.isGood ? '' : ' (bad)'}`
}

export function absentRows(): readonly Row[] {
  return absent.map(([name, note]) => ({ name, ok: true, note }))
}
