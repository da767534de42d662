import { Option, type Command } from 'commander'
import { act, collect, jsonOption, positive, serverOption, tokenNote } from './command.ts'
import { addRotation } from './rotation-commands.ts'

const howToSet =
  'the value is never an argument, where other users and the shell’s history could see it: mayfly secret set NAME < FILE, or --file FILE, or without both it is asked for'

/** `mayfly secret ...`. */
export function addSecrets(program: Command): void {
  const secret = program.command('secret').description('the secrets in the vault, which connections use')
  const command = (name: string, description: string, after = '') =>
    secret
      .command(name)
      .description(description)
      .addOption(serverOption())
      .addOption(jsonOption())
      .addHelpText('after', `${after}${tokenNote}`)
  const yes = () => new Option('--yes', 'do not ask').default(false)
  const forceReturn = () => new Option('--force', 'also a value that a rotation has replaced').default(false)
  const force = () =>
    new Option('--force', 'also if the policy in force needs it, or a rotation is under way').default(false)

  details(
    command('set', 'seal a new version; the value comes from standard input or a file, or is asked for'),
  )
    .argument('<name>', 'as connections name it: secret:NAME')
    .option('--file <path>', 'a file that holds the value')
    .option('--multiline', 'several lines are meant (PEM and JSON are known)', false)
    .option('--as-is', 'byte for byte, white space and the last line break included', false)
    .addOption(forceReturn())
    .addHelpText('after', '\nExample: mayfly secret set git < credential.txt')
    // Whatever is wrong with the command line, a word of it may be the value: none is repeated.
    .configureOutput({ outputError: (_, write) => write(`mayfly: secret set takes a NAME: ${howToSet}\n`) })
    .action(act(async (name: string, options) => (await import('./secret.ts')).setSecret(name, options)))
  command('import <file>', 'seal what a .env or *.json file holds, all of it or nothing', importHelp)
    .option('--prefix <folder/>', 'put before every name, as in prod/', '')
    .option('--multiline', 'several lines are meant also without quotes that say so', false)
    .option('--as-is', 'also with white space around them', false)
    .option('--dry-run', 'say what it would do', false)
    .addOption(forceReturn())
    .addOption(yes())
    .action(
      act(async (file: string, options) => (await import('./secret-import.ts')).importSecrets(file, options)),
    )
  command('list', 'names, versions and what is known of them, never values')
    .argument('[folder/]', 'only names that begin so')
    .option('--uses', 'who may use them: connections and roles of the policy in force', false)
    .option('--deleted', 'those that are deleted', false)
    .action(
      act(async (folder: string | undefined, options) =>
        (await import('./secret.ts')).listSecrets(folder, options),
      ),
    )
  details(command('describe', 'what is known of a secret and who may use it; with options, say so'))
    .argument('<name>')
    .action(
      act(async (name: string, options) => (await import('./secret-about.ts')).describeSecret(name, options)),
    )
  command('history', 'its versions: when, by whom, which is used')
    .argument('<name>')
    .action(
      act(async (name: string, options) => (await import('./secret-about.ts')).showHistory(name, options)),
    )
  command('get', 'show a value on the terminal; the audit log has it first (scope secret:reveal)')
    .argument('<name>')
    .option('--reveal', 'that is what is wanted', false)
    .option('--version <number>', 'another than the one that is used', positive)
    .option('--force', 'also into a pipe or a file', false)
    .action(
      act(async (name: string, options) => (await import('./secret-about.ts')).revealSecret(name, options)),
    )
  command('restore', 'take a deletion back; with a version, use its value again, as a new version')
    .argument('<name>')
    .option('--version <number>', 'whose value', positive)
    .addOption(forceReturn())
    .action(
      act(async (name: string, options) => (await import('./secret-lives.ts')).restoreSecret(name, options)),
    )
  command('delete', 'delete a secret: nobody can use it until it is restored')
    .argument('<name>')
    .addOption(force())
    .addOption(yes())
    .action(
      act(async (name: string, options) => (await import('./secret-lives.ts')).deleteSecret(name, options)),
    )
  command('destroy', 'overwrite the bytes of a version, or of all and delete the secret; for good')
    .argument('<name>')
    .option('--version <number>', 'only this one', positive)
    .addOption(force())
    .addOption(yes())
    .action(
      act(async (name: string, options) => (await import('./secret-lives.ts')).destroySecret(name, options)),
    )
  command('mv', 'give a secret with its versions another name')
    .argument('<name>')
    .argument('<new name>')
    .addOption(force())
    .action(
      act(async (name: string, to: string, options) =>
        (await import('./secret-lives.ts')).moveSecret(name, to, options),
      ),
    )
  addRotation(secret)
}

const importHelp = `
.env: NAME=value, # comments, export before a name; 'single quotes' hold anything as it is, also several lines; in "double
quotes" \\n is a line break. What tools read differently is refused with its line: write it in single quotes. JSON: texts, and
objects of them as folders. Names become lower-case.`

function details(command: Command): Command {
  return command
    .option('--owner <who>', 'whose it is')
    .option('--description <text>', 'what it is for')
    .option('--tag <key=value>', 'may be given again; replaces all tags', collect)
}
