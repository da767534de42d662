import { Option, type Command } from 'commander'
import { act, jsonOption, serverOption } from './command.ts'
import { addPolicyHistory } from './policy-history-commands.ts'

const file = ['[file]', 'the policy, or a folder that has it as mayfly.yaml', 'mayfly.yaml'] as const
const folderOption = () => new Option('--folder <dir>', 'the audit log’s folder (default: that of --data)')
const dataOption = () => new Option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')

/** `mayfly policy ...` and `mayfly explain`. */
export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('the policy: lint, tests, and what it would have done')
  addPolicyChecks(policy)
  addPolicyPast(policy)
  addPolicyHistory(policy)
  addExplain(program)
}

/** `mayfly policy lint|test|schema`: offline, from the file alone. */
function addPolicyChecks(policy: Command): void {
  policy
    .command('lint')
    .description('rules that let in more than they say; exit code 1 if one of them is an error')
    .argument(...file)
    .addOption(
      new Option('--format <form>', 'how it is told').choices(['text', 'json', 'sarif']).default('text'),
    )
    .action(
      act(async (path: string, options) => (await import('./policy-lint.ts')).lintPolicy(path, options)),
    )
  policy
    .command('test')
    .description('run the tests that stand in the policy and in policies/*.test.yaml')
    .argument(...file)
    .addOption(jsonOption())
    .action(
      act(async (path: string, options) => (await import('./policy-test.ts')).testPolicy(path, options)),
    )
  policy
    .command('schema')
    .description('the JSON Schema of mayfly.yaml, for editors')
    .option('--cedar', 'the schema that policies/*.cedar must satisfy', false)
    .action(act(async (options) => (await import('./policy-schema.ts')).printSchema(options)))
}

/** `mayfly policy suggest|diff|shadow-report`: what the audit log says of a policy. */
function addPolicyPast(policy: Command): void {
  policy
    .command('suggest')
    .description('the least that the roles of a run would have needed, as YAML')
    .requiredOption('--from-run <id>', 'the run, as entries name it')
    .option(
      '--with-refused',
      'also what it was refused on connections that the role has; not of a pull request or fork. Look at each: who asked may not have been the pipeline',
      false,
    )
    .option('--file <file>', 'a policy to hold it against (default: mayfly.yaml)', 'mayfly.yaml')
    .addOption(folderOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./policy-suggest.ts')).suggestPolicy(options)))
  policy
    .command('diff')
    .description('what a changed policy would have denied, or newly allowed; exit code 1 if anything')
    .argument(...file)
    .requiredOption('--against-history <time>', 'how far back, such as 30d or 12h')
    .option('--base <file>', 'compare with what this policy says, not with what was decided then')
    .addOption(folderOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(
      act(async (path: string, options) => (await import('./policy-diff.ts')).diffPolicy(path, options)),
    )
  policy
    .command('shadow-report')
    .description('what roles in shadow mode let pass, and the grants to add')
    .option('--since <time>', 'how far back, such as 30d or 12h', '30d')
    .addOption(folderOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./policy-shadow.ts')).reportShadowMode(options)))
}

/** `mayfly explain`. */
function addExplain(program: Command): void {
  program
    .command('explain')
    .description('why a job may or may not assume a role, or do an operation, and what to change')
    .argument('[request]', 'the request id of a denial (req_...), looked up in the audit log')
    .option('--id-token <file>', 'a file with a CI’s identity token, or -; its signature is not checked')
    .addOption(new Option('--token <file>', 'as --id-token').hideHelp())
    .option('--claim <name=value...>', 'claims by hand: as trust names them, or the CI’s own')
    .option('--issuer <name>', 'a name under issuers')
    .option('--role <role>', 'may the job assume it?')
    .option(
      '--operation <text>',
      'may it do this, such as "git:push github/octo/app@refs/tags/v1" or "egress deb.example.org:443"?',
    )
    .option('--file <file>', 'a policy; without it the one that is in force on the server')
    .addOption(folderOption())
    .addOption(dataOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(
      act(async (request: string | undefined, { token, ...options }) =>
        (await import('./explain.ts')).explainDenial(request, { idToken: token, ...options }),
      ),
    )
}
