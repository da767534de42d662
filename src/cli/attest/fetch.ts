import { mkdirSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { attestationFiles, readHanded, writeAttestations } from '../../runner/index.ts'
import { print } from '../output.ts'
import { readFound } from './bundles.ts'
import { serverSource, type Stored } from './source.ts'
import { readAsked } from './subject.ts'

/** `mayfly attest fetch`: what the supervisor of a step would have written. Nothing of it is verified here. */
export async function fetchAttestations(
  what: string,
  options: { server?: string; out: string; json: boolean },
): Promise<void> {
  const source = serverSource(options, undefined)
  const asked = await readAsked(what, undefined)
  if (asked.kind === 'bundles') throw new MayflyError('bad_input', `${what} is a bundle already`)
  const step = asked.kind === 'step' ? asked.id : (await source.byDigest(asked.sha256))[0]?.step
  const stored = step === undefined ? [] : await source.ofStep(step)
  const files = filesOf(stored)
  if (files.length === 0)
    throw new MayflyError(
      'not_found',
      `nothing is signed about ${what}, or not yet: mayfly attest show ${what}`,
    )
  const why = await writeAttestations(placeOf(options.out), files)
  if (why !== undefined) throw new MayflyError('conflict', `${options.out}: nothing was written: ${why}`)
  const names = files.map(({ name }) => name)
  print(options.json, { step, folder: options.out, files: names }, [
    `${names.length} files in ${options.out}: ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''}`,
  ])
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
