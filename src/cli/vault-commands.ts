import type { Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

const passphraseNote =
  '\nA passphrase is no argument: it comes from standard input or --file, or is asked for.'

/** `mayfly vault ...`. */
export function addVault(program: Command): void {
  const vault = program.command('vault').description('the keys that secrets are sealed with')
  const command = (name: string, description: string, note = '') =>
    vault
      .command(name)
      .description(description)
      .addOption(serverOption())
      .addOption(jsonOption())
      .addHelpText('after', `${note}${tokenNote}`)
  command('status', 'is it open, what wraps its keys, which keys there are').action(
    act(async (options) => (await import('./vault.ts')).vaultStatus(options)),
  )
  command('seal', 'end all sessions and forget the keys: nothing is issued until it is unsealed')
    .option('--yes', 'do not ask', false)
    .action(act(async (options) => (await import('./vault.ts')).sealVault(options)))
  command('unseal', 'open it, by its key provider or with a passphrase', passphraseNote)
    .option('--new', 'choose the passphrase of a vault that has no keys yet', false)
    .option('--file <path>', 'a file that holds the passphrase')
    .action(act(async (options) => (await import('./vault.ts')).unsealVault(options)))
  command('rekey', 'wrap its keys anew, by another provider or passphrase', passphraseNote)
    .option('--to <name>', 'a provider of the file of mayfly up --vault; the one that it says to use')
    .option('--passphrase', 'to a passphrase that is given now', false)
    .option('--file <path>', 'a file that holds the new passphrase')
    .action(act(async (options) => (await import('./vault.ts')).rekeyVault(options)))
  command('rotate-key', 'make a new key and seal everything anew with it')
    .option('--wait', 'until everything is sealed anew', false)
    .action(act(async (options) => (await import('./vault.ts')).rotateVaultKey(options)))
}
