import type { Command } from 'commander'
import { act, jsonOption } from './command.ts'

/** `mayfly init`. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('a first policy for a checkout: what its files show, and what they do not show asked for')
    .argument('[dir]', 'the checkout', '.')
    .option(
      '-o, --output <file>',
      'where it is written, relative to the checkout; a file that is there is not changed',
      'mayfly.yaml',
    )
    .option(
      '--ci <name>',
      'github, gitlab, buildkite, circleci, bitbucket, azure, jenkins; found by the pipeline files if left out',
    )
    .option('--repository <name>', 'OWNER/NAME, or its address; the remote of the checkout if left out')
    .option(
      '--repository-id <id>',
      'as the CI’s tokens have it (docs/issuers.md): a number for GitHub and GitLab',
    )
    .option('--owner-id <id>', 'the same of its owner: owner, namespace, organization or workspace')
    .option(
      '--issuer-url <url>',
      'where the CI’s tokens come from, where it is a server of your own, or the URL names your organization',
    )
    .option(
      '--branch <name>',
      'the protected branch that may publish and deploy; that of the remote if left out',
    )
    .option(
      '--learn <time>',
      'how long the role that builds records and lets pass what it lacks, on its own connections: 14d at most',
      '7d',
    )
    .option('--no-learn', 'deny from the first day')
    .option('-y, --yes', 'ask nothing: take what the files show, and the options', false)
    .addOption(jsonOption())
    .action(act(async (dir: string, options) => (await import('./init.ts')).initPolicy(dir, options)))
}
