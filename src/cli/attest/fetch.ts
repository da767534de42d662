import { mkdirSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Trust } from '../../attest/verify/index.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { attestationFiles, readHanded, writeAttestations } from '../../runner/index.ts'
import { trustOf, type TrustOptions } from '../named-trust.ts'
import { print } from '../output.ts'
import { isAbout, readFound, type Found } from './bundles.ts'
import { serverSource, type Source, type Stored } from './source.ts'
import { readAsked, type Asked } from './subject.ts'

/** `mayfly attest fetch`: what the supervisor of a step would have written; nothing, unless all of it is verified and about what was asked for. */
export async function fetchAttestations(
  what: string,
  options: TrustOptions & { out: string; json: boolean },
): Promise<void> {
  const { trust, whose, notes } = await trustOf(options)
  const source = serverSource(options, trust)
  const asked = await readAsked(what, trust)
  if (asked.kind === 'bundles') throw new MayflyError('bad_input', `${what} is a bundle already`)
  const step = asked.kind === 'step' ? asked.id : await stepOf(asked, source)
  const stored = step === undefined ? [] : written(await source.ofStep(step))
  const files = filesOf(stored)
  const isPending = step !== undefined && source.isPending?.(step) === true
  if (files.length === 0) throw new MayflyError('not_found', whyNone(what, step, isPending))
  refuseOther(asked, stored, trust)
  const later = isPending
    ? ['of the step more is signed later: fetch all of it then, into another folder']
    : []
  for (const note of [...notes, ...later]) process.stderr.write(`mayfly: ${note}\n`)
  const why = await writeAttestations(placeOf(options.out), files)
  if (why !== undefined) throw new MayflyError('bad_input', `${options.out}: nothing was written: ${why}`)
  const names = files.map(({ name }) => name)
  print(options.json, { step, folder: options.out, files: names, pending: isPending, trust: whose }, [
    `verified (${whose}): ${names.length} files in ${options.out}: ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''}`,
  ])
}

function whyNone(what: string, step: string | undefined, isPending: boolean): string {
  // By the digest of a file a server finds what is signed alone.
  if (step === undefined)
    return `nothing is signed about ${what}: whether anything waits is known of its step: mayfly attest fetch STEP`
  return isPending
    ? `of ${what} nothing is signed yet, and something is to be: ask again (why it waits: mayfly attest list --step ${step})`
    : `of ${what} nothing is signed, and nothing waits to be: mayfly attest list --step ${step}`
}

/** The step whose bundle stands beside the file; else of those that the server has the newest that is verified. */
async function stepOf(
  { sha256, beside }: Extract<Asked, { kind: 'digest' }>,
  source: Source,
): Promise<string | undefined> {
  const newest = (found: readonly Found[]) =>
    found
      .filter((one) => one.provenance !== undefined && isAbout(one, sha256))
      .flatMap((one) => (one.verdict.ok ? [{ one, timeMs: one.verdict.by.timeMs }] : []))
      .toSorted((a, b) => a.timeMs - b.timeMs)
      .at(-1)?.one.provenance?.internalParameters['stepId']
  const own = newest(beside)
  if (typeof own === 'string') return own
  const found = await source.byDigest(sha256)
  const step = newest(found)
  // What is not verified is refused later, with why.
  return typeof step === 'string' ? step : found.find((one) => one.step !== undefined)?.step
}

/** The first of each kind that has a file; of a receipt there is `mayfly attest receipt`. */
function written(stored: readonly Stored[]): Stored[] {
  return (['provenance', 'sbom', 'sums'] as const).flatMap(
    (kind) => stored.find((one) => one.kind === kind) ?? [],
  )
}

/** Whoever answers for the server may hand out what he signed himself, or what was signed of another step. Throws `denied`. */
function refuseOther(asked: Asked, stored: readonly Stored[], trust: Trust): void {
  const refuse = (why: string) => new MayflyError('denied', `nothing was written: ${why}`)
  const found = stored.map(({ kind, bundle }) => ({ kind, ...readFound(bundle, trust) }))
  for (const { kind, verdict } of found)
    if (!verdict.ok) throw refuse(`the ${kind} that the server has is not verified: ${verdict.why}`)
  const made = found.find(({ kind }) => kind === 'provenance')
  if (made === undefined) throw refuse('the server has no provenance of it')
  const isAsked =
    asked.kind === 'step'
      ? made.provenance?.internalParameters['stepId'] === asked.id
      : asked.kind === 'digest' && isAbout(made, asked.sha256)
  if (!isAsked) throw refuse('the provenance that the server has is of something else')
  const digests = new Set(made.statement?.subject.map(({ digest }) => digest['sha256']))
  const named = found.flatMap(
    ({ statement }) => statement?.subject.map(({ digest }) => digest['sha256']) ?? [],
  )
  const summed = stored.flatMap(({ kind, text }) =>
    kind === 'sums' ? (text?.match(/^[0-9a-f]{64}/gm) ?? []) : [],
  )
  if ([...named, ...summed].some((digest) => !digests.has(digest)))
    throw refuse('what the server has is about artifacts that the provenance does not name')
}

function filesOf(stored: readonly Stored[]) {
  const handed = readHanded(
    stored.map(({ kind, bundle, text }) => ({
      ...{ kind, bundle: JSON.stringify(bundle) },
      ...(text === undefined ? {} : { text }),
    })),
  )
  const { statement } = readFound(handed.provenance ?? '{}', undefined)
  // What registries took has no file here.
  const artifacts = (statement?.subject ?? []).flatMap(({ name, digest }) =>
    name === undefined || digest['sha256'] === undefined || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(name)
      ? []
      : [{ path: name, sha256: digest['sha256'] }],
  )
  return attestationFiles(handed, artifacts)
}

function placeOf(out: string) {
  try {
    mkdirSync(resolve(out), { recursive: true })
    return { root: realpathSync(out), names: [], shown: out }
  } catch (cause) {
    throw new MayflyError('bad_input', `--out ${out}: ${messageOf(cause)}`, { cause })
  }
}
