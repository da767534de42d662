import type { Command } from 'commander'
import { ofLog } from './audit-commands.ts'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'
import type { ListOptions, ShowOptions } from './recording.ts'

/** `mayfly recording ...`. */
export function addRecordings(program: Command): void {
  const recording = program
    .command('recording')
    .description('recordings of sessions that steps had at terminals of SSH hosts')
  recording
    .command('list')
    .description('which there are, the newest first')
    .option('--run <run>', 'of one run: run_..., as mayfly run names it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options: ListOptions) => (await import('./recording.ts')).listRecordings(options)))
  ofLog(recording.command('show'))
    .description('one of them as asciicast v2, for asciinema play -, held against the audit log')
    .argument('<id>', 'rec_..., as list and the audit log name it')
    .option('-o, --output <file>', 'a new file; standard output if left out')
    .option('--raw', 'as it is kept: a player could obey more of it than moves within the picture', false)
    .addOption(serverOption())
    .addHelpText(
      'after',
      `\nWithout an audit log at hand (--data, --folder or --url with --key) it says that it was not verified. Exit code 1 if it is not what the audit log has.${tokenNote}`,
    )
    .action(
      act(async (id: string, options: ShowOptions) =>
        (await import('./recording.ts')).showRecording(id, options),
      ),
    )
}
