import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

/** `mayfly secret rotate|status`. */
export function addRotation(secret: Command): void {
  secret
    .command('rotate')
    .description(
      'make a new value as mayfly.yaml says, probe it, use it; the old one ends when no step has it',
    )
    .argument('<name>')
    .option('--now', 'at once, also outside its window', false)
    .option('--dry-run', 'say what would be done, and whether the value in use works', false)
    .option('--rollback', 'give up the new value, also one that is in use, while the old one lives', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', `\nExit code: 1 if the old value stays in use.${tokenNote}`)
    .action(
      act(async (name: string, options) => (await import('./secret-rotate.ts')).rotateSecret(name, options)),
    )
  secret
    .command('status')
    .description('age, last and next rotation, state, last use; late ones first')
    .argument('[name]')
    .option('--check', 'exit code 3 if one is late', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(
      act(async (name: string | undefined, options) =>
        (await import('./secret-status.ts')).secretStatus(name, options),
      ),
    )
}
