import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

/** `mayfly secret rotate|status|compromise`. */
export function addRotation(secret: Command): void {
  secret
    .command('rotate')
    .description(
      'make a new value as mayfly.yaml says, probe it, use it; the old one ends when no step has it',
    )
    .argument('<name>')
    .option('--now', 'at once, also outside its window', false)
    .option('--dry-run', 'say what would be done, and try what can be tried without a change', false)
    .option('--forget', 'give up what is under way, where it is: what it cannot end a person ends', false)
    .option('--rollback', 'give up the new value, also one that is in use, while the old one lives', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nExit code: 0 only if a new value is in use (without --now also if its window is waited for); --dry-run: 1 if it would fail.${tokenNote}`,
    )
    .action(
      act(async (name: string, options) => (await import('./secret-rotate.ts')).rotateSecret(name, options)),
    )
  secret
    .command('status')
    .description('age, last and next rotation, state, last use; late ones first')
    .argument('[name]')
    .option('--all', 'also secrets of the vault that nothing rotates, the oldest value first', false)
    .option('--check', 'exit code 3 if one is late', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(
      act(async (name: string | undefined, options) =>
        (await import('./secret-status.ts')).secretStatus(name, options),
      ),
    )
  secret
    .command('compromise')
    .description(
      'others know the value: end what was made from it, rotate it, see it dead. Said again, it goes on',
    )
    .argument('<name>')
    .option('--reason <text>', 'for the record')
    .option('--yes', 'do not ask (asked is only who sits at a terminal)', false)
    .option('--again', 'the value that was the answer to the last one is known, too', false)
    .option(
      '--report <dir>',
      'write report.md and report.json: every run that used it, proved by the audit log',
    )
    .option('--folder <dir>', 'the audit log’s folder, for the report')
    .option('--url <url>', 'or where it is served')
    .option('--data <dir>', 'or the data folder of the server that runs here')
    .option('--key <vkey>', 'the log’s public key, or a file that holds it')
    .option('--no-index', 'read the whole log, and keep no index in the cache folder')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nExit code: 0 the old value was seen dead, 1 nothing could prove it, 3 it is not over.${tokenNote}`,
    )
    .action(
      act(async (name: string, options) =>
        (await import('./secret-compromise.ts')).compromiseSecret(name, options),
      ),
    )
}
