import { Command, Option } from 'commander'
import { version } from '../lib/index.ts'
import { nodeOf } from './own-node.ts'
import { addAudit } from './audit-commands.ts'
import { act, jsonOption, positive, serverOption, tokenNote, wholeNumber } from './command.ts'
import { exitCodes } from './output.ts'
import { addPolicy } from './policy-commands.ts'
import { addProcesses, type Starters } from './process-commands.ts'

/** The `mayfly` command. Each command's code is loaded when it is used: `mayfly run` must start fast. */
export function createProgram(starters: Starters): Command {
  const program = new Command('mayfly')
    .description('Secure, short-lived, role-based access for CI/CD pipelines.')
    .version(
      `${version}\n${nodeOf(process.execPath)}`,
      '-V, --version',
      'its version, and the Node that runs it',
    )
    .enablePositionalOptions()
    .showHelpAfterError('(mayfly COMMAND --help tells more)')
    .configureOutput({ outputError: (text, write) => write(`mayfly: ${text.replace(/^error: /, '')}`) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
  addProcesses(program, starters)
  addRun(program)
  addOperator(program)
  addPeople(program)
  addPolicy(program)
  addAudit(program, starters)
  return program
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('run a command, or a pipeline file, isolated and in a role')
    .passThroughOptions()
    .argument('[command...]', 'program and arguments, after --')
    .option('-f, --file <pipeline>', 'a pipeline file; every step has its own role')
    .option('-r, --role <role>', 'role of the command')
    .option('-n, --name <name>', 'name of the step in the record', 'run')
    .option('-w, --workspace <dir>', 'the folder that the step may write to', '.')
    .option('-e, --env <name...>', 'variables of the job to hand on')
    .option('--tools <dir...>', 'further folders that the step may read')
    .option('--stdin', 'the command reads what this one is given; else /dev/null', false)
    .option('--lockfile <path>', 'pins what npm may install', 'package-lock.json')
    .addOption(
      new Option(
        '--isolation <kind>',
        '`none` gives the sandbox up, and with it every grant; the role must allow it',
      )
        .choices(['namespace', 'none'])
        .default('namespace'),
    )
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExit code: the command’s own; 125 if it could not be started, 126 or 127 if there is no such program, 130 after ctrl-c.',
    )
    .action(act(async (command: string[], options) => (await import('./run.ts')).run(command, options)))
}

function addOperator(program: Command): void {
  program
    .command('apply')
    .description('show what a mayfly.yaml changes, and apply it')
    .argument('[path]', 'the policy, or a folder that has it as mayfly.yaml', 'mayfly.yaml')
    .option('--git <repository@ref[:path]>', 'read it from a commit, which is recorded')
    .option('--dry-run', 'validate and show the changes only', false)
    .option('--expected-version <n>', 'refuse if another version is in force', wholeNumber)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (file: string, options) => (await import('./apply.ts')).apply(file, options)))
  const secret = program.command('secret').description('the vault’s secrets')
  secret
    .command('set')
    .description('seal a new version; the value is read from standard input, or asked for')
    .argument('<name>')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (name: string, options) => (await import('./secret.ts')).setSecret(name, options)))
  secret
    .command('list')
    .description('names and versions, never values')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./secret.ts')).listSecrets(options)))
  const token = program
    .command('token')
    .description('fetch the CI’s own identity token; its subcommands are for API tokens')
    .option('--audience <url>', 'what it shall be for (MAYFLY_AUDIENCE; default the server)')
    .addOption(new Option('--claims', 'print its claims, without the signature').default(false))
    .addOption(new Option('--print', 'print the token itself').default(false).conflicts('claims'))
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./identity-token.ts')).showIdentityToken(options)))
  token
    .command('create')
    .argument('<name>')
    .requiredOption(
      '--scope <scope...>',
      'policy:read, policy:write, secret:read, secret:write, session:read, session:revoke, token:write, approval:read',
    )
    .option('--expires-in <seconds>', 'life of the token', positive, 30 * 86_400)
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (name: string, options) => (await import('./token.ts')).createToken(name, options)))
  token
    .command('list')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./token.ts')).listTokens(options)))
  token
    .command('revoke')
    .argument('<id>')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (id: string, options) => (await import('./token.ts')).revokeToken(id, options)))
  program
    .command('revoke')
    .description('end sessions at once: connections cut, leases revoked')
    .option('--run <id>', 'of one CI job')
    .option('--session <id>')
    .option('--role <name>')
    .option('--issuer <name>', 'a name under issuers')
    .option('--repository <id>', 'its immutable id, or its name')
    .option('--commit <sha>')
    .option('--all', 'every session')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./revoke.ts')).revoke(options)))
  program
    .command('status')
    .description('leases, steps, and whether everything is ready')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./status.ts')).status(options)))
}

function addPeople(program: Command): void {
  program
    .command('approve')
    .description('what waits for approval; with an ID, say yes or no')
    .argument('[id]')
    .option('--deny', 'say no', false)
    .option('--show', 'look at it only', false)
    .option('--reason <text>', 'why; some roles require it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nNeeds a person: mayfly login.')
    .action(
      act(async (id: string | undefined, options) => (await import('./approve.ts')).approve(id, options)),
    )
  program
    .command('login')
    .description('sign in with the browser; keeps a token of eight hours')
    .option('--no-browser', 'print the address only')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./login.ts')).login(options)))
  program
    .command('logout')
    .description('revoke that token and forget it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./login.ts')).logout(options)))
}
