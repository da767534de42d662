import type { Command } from 'commander'
import { act, serverOption, tokenNote } from './command.ts'
import type { LogsOptions } from './logs.ts'
import { ofLog } from './audit-commands.ts'

/** `mayfly logs`. */
export function addLogs(program: Command): void {
  ofLog(program.command('logs'))
    .description('what the steps of a run showed, masked, held against the audit log')
    .argument('<run>', 'run_..., as mayfly run names it')
    .option('--step <name>', 'one step only: its name or id')
    .option('-f, --follow', 'go on while it runs, and end with it', false)
    .option('--timestamps', 'each line with its time', false)
    .option('--asciicast <file>', 'write a recording with its timing for asciinema (v2): a new file')
    .option('--erase', 'remove the logs of the run that the server keeps, for good', false)
    .option('--yes', 'do not ask', false)
    .addOption(serverOption())
    .addHelpText(
      'after',
      `\nWithout an audit log at hand (--data, --folder or --url with --key) it shows the logs and says that they were not verified. With --json: which there are, and whether they are what the audit log has.\nExit code 1 if one is not.${tokenNote}`,
    )
    .action(act(async (run: string, options: LogsOptions) => (await import('./logs.ts')).logs(run, options)))
}
