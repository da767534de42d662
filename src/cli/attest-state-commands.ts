import { type Command, Option } from 'commander'
import {
  act,
  jsonOption,
  rootOption,
  serverOption,
  tokenNote,
  trustDocumentOption,
  trustedRootOption,
} from './command.ts'

type Module = typeof import('./attest-states.ts')
type Check = typeof import('./attest/check-receipt.ts')

/** `mayfly attest list`, `retry`, `receipt`, `receipt check`. */
export function addAttestStates(attest: Command): void {
  attest
    .command('list')
    .description('what was signed of steps, what waits, and what cannot be signed, and why; the newest first')
    .option('--run <id>', 'of this run only')
    .option('--step <id>', 'of this step only')
    .option('--before <id>', 'only older ones than this (att_...): the list ends after 200')
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
  const receipt = attest
    .command('receipt')
    // So that options behind `check` are its own.
    .enablePositionalOptions()
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
  receipt
    .command('check')
    .description(
      'whether a receipt is right: who signed it, what entries of the audit log prove, and what is only the server’s word',
    )
    .argument('<file>', 'the receipt, as mayfly attest receipt -o FILE wrote it')
    .option('--log-key <vkey>', 'the audit log’s key, or a file that holds it: its key.vkey')
    .addOption(rootOption())
    .addOption(trustDocumentOption())
    .addOption(trustedRootOption())
    .option('--shared-root <file>', 'a trusted root under which others sign, too: it makes no receipt right')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExit code: 0 right, 1 not right, 2 it cannot be told.')
    .action(
      act(async (file: string, options: Parameters<Check['checkReceiptFile']>[1]) =>
        (await import('./attest/check-receipt.ts')).checkReceiptFile(file, options),
      ),
    )
}
