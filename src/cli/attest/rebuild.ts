import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Trust } from '../../attest/verify/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { trustOf, type TrustOptions } from '../named-trust.ts'
import { readFound } from './bundles.ts'
import { refuseOtherCheckout } from './checkout-state.ts'
import { compareBuilds, sideOf, type Side } from './compare-builds.ts'
import { readSide, show, verdictCodes } from './compare.ts'
import { sameStep } from './same-step.ts'
import { serverSource } from './source.ts'

export interface RebuildOptions extends TrustOptions {
  file?: string
  workspace: string
  json: boolean
  markdown: boolean
}

/** Runs `mayfly` with these arguments, its output on standard error; its exit code. */
export type RunMayfly = (args: readonly string[]) => Promise<number>

/**
 * `mayfly attest rebuild`: runs the step of a verified build again, from the same commit, and compares: 0 the same, 1 different, 2 it
 * cannot be told. Nothing runs that the provenance does not name by its digest.
 */
export async function rebuildAttested(
  what: string,
  command: readonly string[],
  options: RebuildOptions,
  runMayfly: RunMayfly = spawnMayfly,
): Promise<number> {
  const { trust, whose, notes } = await trustOf(options)
  const before = await readSide(what, serverSource(options, trust), trust)
  const { made } = before
  refuseWhatCannot(before)
  await refuseOtherCheckout(options.workspace, made.source.commit ?? '')
  const step = await sameStep(before, command, options)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-rebuild-'))
  let isKept = false
  try {
    const exitCode = await runMayfly(argumentsOf(before, step, folder, options))
    if (exitCode !== 0)
      throw new MayflyError(
        'bad_input',
        `the step failed when it was run again (exit ${exitCode}): there is nothing to compare`,
      )
    const after = builtIn(folder, trust)
    if (after === undefined)
      throw new MayflyError(
        'bad_input',
        'what was built again is not attested yet: later, mayfly attest compare of both digests',
      )
    // The run has named it; and whoever finds a difference wants to look at both.
    isKept = true
    process.stderr.write(`mayfly: what was signed of the second build stays in ${folder}\n`)
    const comparison = compareBuilds(...sameCommand(before, after))
    show({ trust: whose, notes, comparison, files: [] }, options)
    return verdictCodes[comparison.verdict]
  } finally {
    if (!isKept) rmSync(folder, { recursive: true })
  }
}

/** Throws `bad_input` for what is not to be run, or would not be the same build. */
function refuseWhatCannot({ found, made }: Side): void {
  const refuse = (why: string) => new MayflyError('bad_input', `it cannot be built again: ${why}`)
  // It says what to run here.
  if (!found.verdict.ok) throw refuse(`its provenance is not verified (${found.verdict.why})`)
  if (!made.isOurs || made.role === undefined) throw refuse('its provenance is none of Mayfly')
  if (made.source.commit === undefined) throw refuse('its provenance names no commit')
  if (made.inputs.length > 0) throw refuse('it took files of earlier steps: run the pipeline, and compare')
  if (made.image !== undefined) throw refuse('it ran in a container: run the pipeline, and compare')
}

function argumentsOf(
  { made, artifacts }: Side,
  command: readonly string[],
  folder: string,
  { workspace, server }: RebuildOptions,
): string[] {
  const files = [...artifacts.keys()].filter((name) => !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(name))
  const odd = files.find((name) => /[*?]/.test(name))
  if (odd !== undefined)
    throw new MayflyError(
      'bad_input',
      `it cannot be built again: ${JSON.stringify(odd)} would be read as a pattern`,
    )
  return [
    ...['run', '--role', made.role ?? '', '--name', made.step ?? 'run', '--workspace', workspace],
    ...(server === undefined ? [] : ['--server', server]),
    ...(made.workspace === 'fresh' ? ['--checkout'] : []),
    ...files.flatMap((name) => ['--artifact', name.replace(/^\.\//, '')]),
    ...['--attestations', folder, '--', ...command],
  ]
}

function builtIn(folder: string, trust: Trust): Side | undefined {
  const bundles = readdirSync(folder).filter((name) => name.endsWith('.sigstore.json'))
  return bundles
    .map((name) => sideOf(readFound(readFileSync(join(folder, name), 'utf8'), trust)))
    .find((side) => side !== undefined)
}

/** Of a pipeline's step the script is run by a shell here: that it is the same script was held against its digest. */
function sameCommand(before: Side, after: Side): [Side, Side] {
  const without = ({ parameters, made, ...side }: Side, script: Side['made']['script']): Side => {
    const { command: _, script: __, workspace: ___, ...rest } = parameters
    return { ...side, parameters: rest, made: { ...made, script } }
  }
  const { script } = before.made
  return [without(before, script), without(after, script)]
}

function spawnMayfly(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...args], {
    // Its results are not ours.
    stdio: ['ignore', 2, 2],
  })
  return new Promise((done, failed) => {
    child.on('error', failed)
    child.on('close', (code) => done(code ?? 128))
  })
}
