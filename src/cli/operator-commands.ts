import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote, wholeNumber } from './command.ts'

/** `mayfly apply`, `revoke`, `connections`, `leases`, `status`. */
export function addOperator(program: Command): void {
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
  program
    .command('revoke')
    .description('end sessions at once: their connections are cut, their leases revoked')
    .option('--run <id>', 'those of one CI job')
    .option('--session <id>', 'this one')
    .option('--role <name>', 'those that may use this role')
    .option('--issuer <name>', 'those of one CI (a name under issuers)')
    .option('--repository <id>', 'those of one repository: its immutable id, or its name')
    .option('--commit <sha>', 'those of one commit')
    .option('--all', 'every session')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nRequests that wait for approval and match are ended, too. Exit code 1 if there is no such run, role, ...${tokenNote}`,
    )
    .action(act(async (options) => (await import('./revoke.ts')).revoke(options)))
  const connections = program
    .command('connections')
    .description('what steps have open now at the server’s gateway, and for whom')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./connections.ts')).listConnections(options)))
  connections
    .command('kill')
    .description('close one; its step goes on, and may open another')
    .argument('<id>', 'as `mayfly connections` shows it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(
      act(async (id: string, options) => (await import('./connections.ts')).killConnection(id, options)),
    )
  addLeases(program)
  program
    .command('status')
    .description('is the server ready, what is open, how far is the audit log')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./status.ts')).status(options)))
}

function addLeases(program: Command): void {
  const leases = program
    .command('leases')
    .description('credentials in force or ending, what revoking each means, and which cannot be revoked')
    .option('--stuck', 'only those that cannot be revoked')
    .option('--run <id>', 'those of one CI job, also those that are over')
    .option('--step <id>', 'those of one step, also those that are over')
    .option('--connection <name>', 'those of one connection')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./leases.ts')).listLeases(options)))
  leases
    .command('retry')
    .description('ask its upstream now to revoke it')
    .argument('<id>', 'as `mayfly leases` shows it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (id: string, options) => (await import('./leases.ts')).retryLease(id, options)))
  leases
    .command('forget')
    .description('say that it is dead: it is not tried again; recorded with who says so')
    .argument('<id>', 'as `mayfly leases` shows it')
    .option('--reason <text>', 'how you know')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (id: string, options) => (await import('./leases.ts')).forgetLease(id, options)))
}
