import type { Command } from 'commander'
import { act, jsonOption, serverOption, wholeNumber } from './command.ts'

/** `mayfly policy history|show|rollback`. */
export function addPolicyHistory(policy: Command): void {
  policy
    .command('history')
    .description('every version that was in force: when, by whom, from where')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./policy-history.ts')).history(options)))
  policy
    .command('show')
    .description('the text of a version; without one, of the policy in force')
    .argument('[version]', 'a number', wholeNumber)
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(
      act(async (version: number | undefined, options) =>
        (await import('./policy-history.ts')).show(version, options),
      ),
    )
  policy
    .command('rollback')
    .description('apply an earlier version again, as a new one')
    .argument('<version>', 'a number', wholeNumber)
    .option('--dry-run', 'show the changes only', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(
      act(async (version: number, options) =>
        (await import('./policy-history.ts')).rollback(version, options),
      ),
    )
}
