import type { Command } from 'commander'
import {
  act,
  collect,
  jsonOption,
  rootOption,
  serverOption,
  trustDocumentOption,
  trustedRootOption,
} from './command.ts'

/** `mayfly verify`. */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description(
      'whether files, images or digests were built as a policy says; exit code 1: not, 2: nobody can tell',
    )
    .argument('<artifact...>', 'a file, an image (oci://REGISTRY/REPOSITORY:TAG), or a digest (sha256:HEX)')
    .option('--policy <file>', 'what has to be so, and whose signatures count (YAML)')
    .option('--require <key=value>', 'the same in place of a policy: role=build; may be given again', collect)
    .option('--bundle <file>', 'the attestation, and no other; may be given again', collect)
    .option(
      '--attestations <dir>',
      'where the attestations of files are, if not beside them: what mayfly run --attestations wrote',
    )
    .addOption(rootOption())
    .addOption(trustDocumentOption())
    .addOption(trustedRootOption())
    .option('--shared-root <file>', 'a trusted root under which others sign, too: Sigstore’s, GitHub’s')
    .option('--vsa <file>', 'have the server verify it, too, and write the summary that it signs')
    .option('--vsa-failed', 'also of what is not verified')
    .option('--resource-uri <uri>', 'from where it is had, for the summary')
    .option('--junit <file>', 'the results as CIs read them')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nWhat a policy may say, with recipes: docs/verify.md.')
    .action(
      act(async (artifacts: string[], options) =>
        (await import('./verify/verify.ts')).runVerify(artifacts, options),
      ),
    )
}
