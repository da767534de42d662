import { Option, type Command } from 'commander'
import { act, jsonOption, serverOption } from './command.ts'

/** `mayfly pipeline migrate`. */
export function addMigrate(pipeline: Command): void {
  pipeline
    .command('migrate')
    .description(
      'moves pipelines to short-lived access: shows what changes in them, and the policy that they need',
    )
    .argument('[file...]', 'pipeline files of the checkout; all if left out')
    .addOption(new Option('--diff', 'show it, and write nothing; so it is if left out').default(true))
    .option('--write', 'write the files, each only as it was read', false)
    .option('-C, --checkout <dir>', 'the checkout', '.')
    .option(
      '--policy <file>',
      'where the policy is written; a file that is there is not changed',
      'mayfly.yaml',
    )
    .option('--repository <name>', 'OWNER/NAME, or its address; the remote of the checkout if left out')
    .option(
      '--repository-id <id>',
      'its id, which no other ever gets, as the CI’s tokens say it (docs/issuers.md)',
    )
    .option('--owner-id <id>', 'the id of its owner, likewise')
    .option('--issuer-url <url>', 'where the CI’s tokens come from, if not from one place for everybody')
    .option('--install <command>', 'how a job gets Mayfly, if its machine does not have it: a step in front')
    .option(
      '--pin',
      'ask GitHub and the registries by network which commits and digests the versions of actions and images have now, and pin them',
      false,
    )
    .option(
      '--github-url <url>',
      'with --pin: where actions are; of a GitHub Enterprise Server its own address',
      'https://github.com',
    )
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(
      act(async (paths: string[], options) =>
        (await import('./pipeline-migrate.ts')).migratePipelines(paths, options),
      ),
    )
}
