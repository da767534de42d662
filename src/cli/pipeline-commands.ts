import { Option, type Command } from 'commander'
import { act } from './command.ts'
import { addMigrate } from './migrate-commands.ts'

/** `mayfly pipeline ...`: pipeline files of CIs, as they are in a checkout. */
export function addPipeline(program: Command): void {
  const pipeline = program
    .command('pipeline')
    .description('pipeline files of GitHub, GitLab, Azure, Buildkite, CircleCI, Bitbucket, Jenkins, Forgejo')
  pipeline
    .command('lint')
    .description(
      'long-lived secrets and the connection that replaces each, forks, permissions, what is not pinned; exit code 1 if one is an error',
    )
    .argument('[path]', 'a checkout, or one file of it', '.')
    .addOption(
      new Option('--format <form>', 'how it is told').choices(['text', 'json', 'sarif']).default('text'),
    )
    .option('--no-tools', 'leave out zizmor, actionlint and poutine, which run where they are installed')
    .action(
      act(async (path: string, options) =>
        (await import('./pipeline-lint.ts')).lintPipelineFiles(path, options),
      ),
    )
  addMigrate(pipeline)
}
