import { Option, type Command } from 'commander'
import { act, jsonOption, serverOption, tokenNote } from './command.ts'

/** `mayfly oidc ...`. */
export function addOidc(program: Command): void {
  const oidc = program.command('oidc').description('the keys that sign Mayfly’s own tokens')
  oidc
    .command('keys')
    .description('which key signs, which is next, and until when the ones before are published')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./oidc.ts')).listKeys(options)))
  oidc
    .command('rotate')
    .description('make the next keys, and publish them before they sign')
    .option(
      '--now',
      'a key is in wrong hands: the new one signs at once, what the old one signed is no more taken',
      false,
    )
    .addOption(
      new Option(
        '--use <use>',
        'only those of access tokens (sessions), or of identity tokens (for upstreams); both if left out',
      ).choices(['access', 'identity']),
    )
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./oidc.ts')).rotateKeys(options)))
}
