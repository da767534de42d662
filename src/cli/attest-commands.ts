import type { Command } from 'commander'
import { addAttestStates } from './attest-state-commands.ts'
import { addAttestRoot } from './attest-root-commands.ts'
import {
  act,
  jsonOption,
  rootOption,
  serverOption,
  tokenNote,
  trustDocumentOption,
  trustedRootOption,
} from './command.ts'

/** `mayfly attest ...`: what was signed of steps, and whom to believe about it. */
export function addAttest(program: Command): void {
  const attest = program
    .command('attest')
    .description('what was built, by whom, from what: look it up, compare it, build it again')
  addShow(attest)
  addFetch(attest)
  addCompare(attest)
  addRebuild(attest)
  addAttestStates(attest)
  addAttestRoot(attest)
  attest
    .command('keys')
    .description(
      'the keys that sign attestations, are to sign, or have signed: where each is, and since when',
    )
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./attest-keys.ts')).listAttestKeys(options)))
}

/** Options that say whom to believe. */
function ofTrust(command: Command): Command {
  return command
    .addOption(serverOption())
    .addOption(rootOption())
    .addOption(trustDocumentOption())
    .addOption(trustedRootOption())
    .addOption(jsonOption())
}

function addShow(attest: Command): void {
  ofTrust(attest.command('show'))
    .description(
      'where an artifact comes from: step, run, commit, people, dependencies, and what it was made of',
    )
    .argument('<what>', 'sha256:HEX, a file, a bundle (*.sigstore.json), or a step (stp_...)')
    .option('--all', 'name every build, every dependency and every file of earlier steps', false)
    .option('--offline', 'ask no server: a bundle, and a file that says whom to trust', false)
    .option('--markdown', 'as a list in Markdown', false)
    .addHelpText(
      'after',
      '\nExit code: 0 if all of it is verified, 1 if something is not, or nothing is known.',
    )
    .action(
      act(async (what: string, options) =>
        (await import('./attest/show.ts')).showAttestations(what, options),
      ),
    )
}

function addFetch(attest: Command): void {
  ofTrust(attest.command('fetch'))
    .description(
      'verify what was signed of a step, and write it to a folder, as mayfly run --attestations does',
    )
    .argument('<what>', 'a step (stp_...), or a file or sha256:HEX of what it made')
    .requiredOption('-o, --out <dir>', 'the folder; nothing that is there is replaced')
    .action(
      act(async (what: string, options) =>
        (await import('./attest/fetch.ts')).fetchAttestations(what, options),
      ),
    )
}

function addCompare(attest: Command): void {
  ofTrust(attest.command('compare'))
    .description('two builds: the same commit, dependencies, parameters and artifacts?')
    .argument('<a>', 'sha256:HEX, a file, a bundle (*.sigstore.json), or a step (stp_...)')
    .argument('<b>', 'the same of the other one')
    .option(
      '--files <dir...>',
      'two folders with the artifacts of A and of B: archives that differ are looked into',
    )
    .option('--markdown', 'as a list in Markdown', false)
    .addHelpText(
      'after',
      '\nExit code: 0 the same, 1 different, 2 it cannot be told, 3 the server does not answer.',
    )
    .action(
      act(async (a: string, b: string, options) =>
        (await import('./attest/compare.ts')).compareAttestations(a, b, options),
      ),
    )
}

function addRebuild(attest: Command): void {
  ofTrust(attest.command('rebuild'))
    .description('run the step that built it again, from the same commit, and compare')
    .argument('<what>', 'sha256:HEX, a file, a bundle (*.sigstore.json), or a step (stp_...)')
    .argument('[command...]', 'the command, after --, where the provenance has it cut')
    .option('-f, --file <pipeline>', 'the pipeline file that the step is in; left out: .mayfly/pipeline.yaml')
    .option('-w, --workspace <dir>', 'a checkout of the commit, with nothing changed', '.')
    .option('--markdown', 'as a list in Markdown', false)
    .addHelpText(
      'after',
      '\nExit code: 0 the same, 1 different, 2 it cannot be told, 3 the server does not answer.',
    )
    .action(
      act(async (what: string, command: string[], options) =>
        (await import('./attest/rebuild.ts')).rebuildAttested(what, command, options),
      ),
    )
}
