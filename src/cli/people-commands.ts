import type { Command } from 'commander'
import { act, jsonOption, serverOption } from './command.ts'

/** What people do: `mayfly login`, `logout`, `whoami`, `approve`. */
export function addPeople(program: Command): void {
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
  program
    .command('whoami')
    .description('who you are to the server; in a CI job who the job is, and which roles would open to it')
    .option('--job', 'the CI job, even if there is an API token', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nThe job’s identity token stays unused: mayfly run takes it afterwards. Exit code 1 if no role opens.',
    )
    .action(act(async (options) => (await import('./whoami.ts')).whoami(options)))
  program
    .command('approve')
    .description('what waits for approval; with an ID, say yes or no')
    .argument('[id]', 'the request, as the message or the list names it')
    .option('--deny', 'say no', false)
    .option('--show', 'look at it only', false)
    .option('--reason <text>', 'why; some roles require it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nNeeds a person: mayfly login.')
    .action(
      act(async (id: string | undefined, options) => (await import('./approve.ts')).approve(id, options)),
    )
}
