import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

/** `mayfly honey ...`. */
export function addHoney(program: Command): void {
  program
    .command('honey')
    .description('credentials that were planted in steps, and open nothing')
    .command('identify')
    .description('the run, step and place that a value which was found somewhere was planted in')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nReads it from standard input: mayfly honey identify < FOUND. Exit code 1 if it was planted nowhere.${tokenNote}`,
    )
    // Whatever is wrong with the command line, a word of it may be the value: none is repeated.
    .configureOutput({
      outputError: (_, write) =>
        write('mayfly: the value is never an argument: mayfly honey identify < FOUND\n'),
    })
    .action(act(async (options) => (await import('./honey.ts')).identify(options)))
}
