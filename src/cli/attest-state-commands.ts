import { type Command, Option } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

type Module = typeof import('./attest-states.ts')

/** `mayfly attest list`, `retry`, `receipt`. */
export function addAttestStates(attest: Command): void {
  attest
    .command('list')
    .description('what was signed of steps, what waits, and what cannot be signed, and why; the newest first')
    .option('--run <id>', 'of this run only')
    .option('--step <id>', 'of this step only')
    .addOption(new Option('--state <state>', 'only those').choices(['kept', 'due', 'signed', 'failed']))
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(
      act(async (options: Parameters<Module['listAttestations']>[0]) =>
        (await import('./attest-states.ts')).listAttestations(options),
      ),
    )
  attest
    .command('retry')
    .description('try again at once what waits or has failed')
    .argument('[id]', 'att_...; all without it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(
      act(async (id: string | undefined, options: Parameters<Module['retryAttestations']>[1]) =>
        (await import('./attest-states.ts')).retryAttestations(id, options),
      ),
    )
  attest
    .command('receipt')
    .description(
      'the signed receipt of a step that has ended, with the proofs of its entries in the audit log',
    )
    .argument('<step>', 'stp_...')
    .option('-o, --output <file>', 'a new file; standard output without it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nWhoever has it and the audit log’s key checks the step offline (docs/attestations.md).${tokenNote}`,
    )
    .action(
      act(async (step: string, options: Parameters<Module['writeReceipt']>[1]) =>
        (await import('./attest-states.ts')).writeReceipt(step, options),
      ),
    )
}
