import { Command, Option } from 'commander'
import { addPolicyHistory } from './policy-history-commands.ts'
import { exitCodeOf, exitCodes, printError } from './output.ts'

/** What only the composition roots can start; handed in, so that commands know no wiring. */
export interface Starters {
  up(options: UpArguments): Promise<void>
  auditLog(options: AuditLogArguments): Promise<void>
}

export interface UpArguments {
  data?: string
  config?: string
  host: string
  port: number
  gatewayPort: number
  auditPort: number
  url?: string
  gatewayUrl?: string
  heartbeatSeconds: number
  drainSeconds: number
  json: boolean
}

export interface AuditLogArguments {
  folder: string
  host: string
  port: number
  appendTokenHash: string
  origin: string
  json: boolean
}

/** The `mayfly` command. Each command's code is loaded when it is used: `mayfly run` must start fast. */
export function createProgram(starters: Starters): Command {
  const program = new Command('mayfly')
    .description('Secure, short-lived, role-based access for CI/CD pipelines.')
    .version('0.1.0', '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError('(mayfly COMMAND --help tells more)')
    .configureOutput({ outputError: (text, write) => write(`mayfly: ${text.replace(/^error: /, '')}`) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
  addProcesses(program, starters)
  addRun(program)
  addOperator(program)
  addPeople(program)
  addAudit(program)
  return program
}

const jsonOption = () => new Option('--json', 'print one JSON object').default(false)
const serverOption = () => new Option('--server <url>', 'the Mayfly server (MAYFLY_SERVER)')
const tokenNote = '\nNeeds an API token in MAYFLY_TOKEN.'

/** Runs the action; an error is one line and an exit code. */
function act<Arguments extends unknown[]>(
  action: (...args: Arguments) => Promise<number | void>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = (await action(...args)) ?? exitCodes.ok
    } catch (error) {
      const options = args.find(
        (arg): arg is Arguments[number] & { json?: boolean } =>
          typeof arg === 'object' && arg !== null && 'json' in arg,
      )
      printError(options?.json === true, error)
      process.exitCode = exitCodeOf(error)
    }
  }
}

function addProcesses(program: Command, starters: Starters): void {
  program
    .command('up')
    .description('start server, gateway and audit log on embedded defaults')
    .option('--data <dir>', 'data folder (MAYFLY_DATA; default ./mayfly-data)')
    .option('--config <file>', 'a mayfly.yaml to apply before it is ready')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port of the API', portNumber, 7700)
    .option('--gateway-port <n>', 'port of the gateway', portNumber, 7701)
    .option('--audit-port <n>', 'port of the audit log', portNumber, 7702)
    .option('--url <url>', 'the API’s URL as runners reach it')
    .option('--gateway-url <url>', 'the gateway’s URL as runners reach it')
    .option('--heartbeat-seconds <n>', 'a step that misses three is ended', positive, 10)
    .option('--drain-seconds <n>', 'how long SIGTERM waits for open steps', wholeNumber, 10)
    .addOption(jsonOption())
    .action(act((options: UpArguments) => starters.up(options)))
  program
    .command('audit-log')
    .description('the audit log alone: its own process, folder, key and port (mayfly up starts it)')
    .requiredOption('--folder <dir>', 'the log’s folder')
    .requiredOption('--append-token-hash <hex>', 'SHA-256 of the token that may append')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port', portNumber, 7702)
    .option('--origin <name>', 'name of a new log', 'mayfly.local/audit')
    .addOption(jsonOption())
    .action(act((options: AuditLogArguments) => starters.auditLog(options)))
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
  const token = program.command('token').description('API tokens for operators and programs')
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
  const policy = program.command('policy').description('the policy: history, schema')
  addPolicyHistory(policy, { act, jsonOption, serverOption, wholeNumber })
}

function addAudit(program: Command): void {
  const audit = program.command('audit').description('read and check the audit log, offline, from its folder')
  audit
    .command('verify')
    .description('recompute everything from the folder and the public key alone')
    .option('--folder <dir>', 'the log’s folder (default: that of --data)')
    .option('--key <vkey>', 'the public key, or a file that holds it')
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./audit-verify.ts')).verifyAudit(options)))
  audit
    .command('show')
    .description('what happened, as a story')
    .option('--run <id>', 'one run only')
    .option('--folder <dir>', 'the log’s folder (default: that of --data)')
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./audit-show.ts')).showAudit(options)))
}

function portNumber(text: string): number {
  return inRange(text, 0, 65_535)
}

function positive(text: string): number {
  return inRange(text, 1, 1e9)
}

function wholeNumber(text: string): number {
  return inRange(text, 0, 1e9)
}

function inRange(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
  process.stderr.write(`mayfly: ${text} is not a whole number from ${least} to ${most}\n`)
  return process.exit(exitCodes.usage)
}
