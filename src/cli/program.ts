import { Command, CommanderError, Option } from 'commander'
import { version } from '../lib/index.ts'
import { nodeOf } from './own-node.ts'
import { addAttest } from './attest-commands.ts'
import { addAudit } from './audit-commands.ts'
import { act, collect, jsonOption, positive, serverOption } from './command.ts'
import { refuseKubernetesOptions } from './kubernetes/options.ts'
import { addInit } from './init-commands.ts'
import { addLogs } from './log-commands.ts'
import { addHoney } from './honey-commands.ts'
import { addOidc } from './oidc-commands.ts'
import { addOperator } from './operator-commands.ts'
import { addDoctor } from './doctor-command.ts'
import { addCredentials } from './credential-commands.ts'
import { endWithReader, exitCodes } from './output.ts'
import { addPeople } from './people-commands.ts'
import { addPipeline } from './pipeline-commands.ts'
import { addPolicy } from './policy-commands.ts'
import { addProcesses, type Starters } from './process-commands.ts'
import { addScan } from './scan-commands.ts'
import { addSecrets } from './secret-commands.ts'
import { addVerify } from './verify-command.ts'
import { addVault } from './vault-commands.ts'
import { addRecordings } from './recording-commands.ts'
import { addTokens } from './token-commands.ts'
import { withoutValues } from './usage-error.ts'
import { trustOwnAuthorities } from './trust.ts'

/** The `mayfly` command. Each command's code is loaded when it is used: `mayfly run` must start fast. */
function createProgram(starters: Starters, writeErr: (text: string) => void): Command {
  const program = new Command('mayfly')
    .description('Secure, short-lived, role-based access for CI/CD pipelines.')
    .version(
      `${version}\n${nodeOf(process.execPath)}`,
      '-V, --version',
      'its version, and the Node that runs it',
    )
    .enablePositionalOptions()
    .showHelpAfterError('(mayfly COMMAND --help tells more)')
    .configureOutput({
      writeOut(text) {
        endWithReader()
        process.stdout.write(text)
      },
      writeErr,
      outputError: (text, write) => write(`mayfly: ${withoutValues(text)}`),
    })
    .exitOverride()
  program.commandsGroup('In a job, and where something does not work:')
  addRun(program)
  addCredentials(program)
  addDoctor(program)
  program.commandsGroup('Secrets that should not be there:')
  addScan(program)
  program.commandsGroup('Operating it:')
  addPeople(program)
  addOperator(program)
  addLogs(program)
  addRecordings(program)
  addSecrets(program)
  addVault(program)
  addOidc(program)
  addHoney(program)
  addTokens(program, starters)
  program.commandsGroup('The policy:')
  addInit(program)
  addPolicy(program)
  program.commandsGroup('Pipelines of a CI:')
  addPipeline(program)
  program.commandsGroup('Attestations:')
  addAttest(program)
  addVerify(program)
  program.commandsGroup('The audit log:')
  addAudit(program, starters)
  program.commandsGroup('The server and its parts:')
  addProcesses(program, starters)
  trustOwnAuthorities(program)
  return program
}

/** Runs it. A complaint about the command line repeats it, and a secret may stand there: it is masked, too. */
export async function runProgram(starters: Starters, argv: readonly string[]): Promise<void> {
  let complaint = ''
  const program = createProgram(starters, (text) => (complaint += text))
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (complaint === '') return
    const { maskedText } = await import('./masked.ts')
    process.stderr.write(maskedText(complaint))
  }
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
    .option('-e, --env <name>', 'a variable of the job to hand on; may be given again', collect)
    .option(
      '--tools <dir>',
      'a folder of tools that the step may read; may be given again. auto (if left out): those that the job uses; none',
      collect,
    )
    .option(
      '--checkout',
      'run in a workspace of its own, with a clean checkout of the run’s own commit',
      false,
    )
    .option(
      '--shared-workspace',
      'although the role writes, run where steps in other roles have been; the role must allow it',
      false,
    )
    .option(
      '--service <port>',
      'a port of the job’s own localhost that the command may reach; may be given again',
      collect,
    )
    .option('--junit <file>', 'the results of the steps, as CIs read them')
    .option('--results <file>', 'the same as one JSON object, as of --json')
    .option('-j, --jobs <n>', 'steps of a file that run at once; as many as there are processors', positive)
    .option(
      '--script <file>',
      'run what stands in this file of the job, which the step cannot see; by the command (a shell: bash -e) if there is one. A CI’s own `shell` may be `mayfly run --role ROLE --script {0}`',
    )
    .option('--stdin', 'the command reads what this one is given; else /dev/null', false)
    .option('--lockfile <path>', 'pins what npm may install', 'package-lock.json')
    .option(
      '--cache <name>',
      'npm, pip, go, cargo, or a folder of the workspace, kept between runs; may be given again',
      collect,
    )
    .option(
      '--artifact <pattern>',
      'files that the command makes, to be attested: dist/*.tgz; may be given again',
      collect,
    )
    .option('--attestations <dir>', 'what the server signs of the command is written there')
    .option('--dotenv <path>', 'a file of variables that the CI takes from the workspace: checked at the end')
    .addOption(
      new Option(
        '--isolation <kind>',
        'by bubblewrap, or by podman or docker in an `--image`; `kubernetes` prints a Job that runs it by bubblewrap in a pod; `none` gives the sandbox up, and with it every grant. The role must allow it',
      )
        .choices(['namespace', 'podman', 'docker', 'kubernetes', 'none'])
        .default('namespace'),
    )
    .option(
      '--image <name>',
      'what podman or docker runs, on the machine already; or the pod, with mayfly in it',
    )
    .addOption(serverOption())
    .addOption(jsonOption())
    .optionsGroup('With --isolation kubernetes:')
    .option('--namespace <name>', 'where the Job is to be')
    .option('--service-account <name>', 'who the step is')
    .option(
      '--reach <place>',
      'where the server is, and its gateway: 192.0.2.7:443, 192.0.2.0/28:443 or namespace/NAME:PORT; may be given again. The pod reaches nothing else',
      collect,
    )
    .option('--dns <place>', 'name servers (default namespace/kube-system:53), or none', collect)
    .option(
      '--seccomp <profile>',
      'of the pod: unconfined (if left out), runtime-default, or localhost/FILE; the step has Mayfly’s own filter in any case',
    )
    .option(
      '--policy <file>',
      'where the role’s limits are; left out: the policy in force, by MAYFLY_TOKEN or mayfly login',
    )
    .option('--submit', 'hand it to kubectl apply instead of printing it')
    .addHelpText(
      'after',
      '\nExit code: the command’s own; 125 if it could not be started or was ended by the server, 126 or 127 if there is no such program, 130 after ctrl-c, 143 after SIGTERM.',
    )
    .action(
      act(async (command: string[], options) => {
        if (options.isolation === 'kubernetes')
          return (await import('./kubernetes/index.ts')).runInKubernetes(command, options)
        refuseKubernetesOptions(options)
        return (await import('./run.ts')).run(command, options)
      }),
    )
}
