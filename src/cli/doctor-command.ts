import type { Command } from 'commander'
import { act, jsonOption, serverOption } from './command.ts'

/** `mayfly doctor`. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what is wrong on this machine or on the way to the server, and what mends it')
    .option(
      '--fix',
      'mend what it safely can: install what is missing, close the data folder to others',
      false,
    )
    .option('-w, --workspace <dir>', 'the folder that steps would write to', '.')
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nRun it where it does not work: in the CI job (it looks at the sandbox, the way to the server, the identity\ntoken), or on the server’s machine (data folder, log, disk, ports). Exit code 1 if something fails.',
    )
    .action(act(async (options) => (await import('./doctor/index.ts')).doctor(options)))
}
