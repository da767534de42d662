import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

const howToSet =
  'the value is never an argument, where other users and the shell’s history could see it: mayfly secret set NAME < FILE, or --file FILE, or without both it is asked for'

/** `mayfly secret ...`. */
export function addSecrets(program: Command): void {
  const secret = program.command('secret').description('the secrets in the vault, which connections use')
  secret
    .command('set')
    .description('seal a new version; the value comes from standard input or a file, or is asked for')
    .argument('<name>', 'as connections name it: secret:NAME')
    .option('--file <path>', 'a file that holds the value')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', `\nExample: mayfly secret set git < credential.txt${tokenNote}`)
    // Whatever is wrong with the command line, a word of it may be the value: none is repeated.
    .configureOutput({ outputError: (_, write) => write(`mayfly: secret set takes a NAME: ${howToSet}\n`) })
    .action(act(async (name: string, options) => (await import('./secret.ts')).setSecret(name, options)))
  secret
    .command('list')
    .description('names and versions, never values')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./secret.ts')).listSecrets(options)))
  secret
    .command('delete')
    .description('delete a secret with every version, for good')
    .argument('<name>')
    .option('--force', 'also if the policy in force needs it', false)
    .option('--yes', 'do not ask', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (name: string, options) => (await import('./secret.ts')).deleteSecret(name, options)))
}
