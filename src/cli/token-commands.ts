import { Option, type Command } from 'commander'
import { act, jsonOption, positive, serverOption, tokenNote } from './command.ts'
import type { Starters } from './process-commands.ts'

/** `mayfly token ...`: the CI's identity token, and the API tokens of operators. */
export function addTokens(program: Command, starters: Starters): void {
  const token = program
    .command('token')
    .description('fetch the CI’s own identity token; its subcommands are for API tokens')
    .option('--audience <url>', 'what it shall be for (MAYFLY_AUDIENCE; default the server)')
    .addOption(new Option('--claims', 'print its claims, without the signature').default(false))
    .addOption(new Option('--print', 'print the token itself').default(false).conflicts('claims'))
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./identity-token.ts')).showIdentityToken(options)))
  token
    .command('create')
    .description('make an API token for a program; it is shown this once')
    .argument('<name>', 'what it is for')
    .requiredOption(
      '--scope <scope...>',
      'policy:read, policy:write, secret:read, secret:write, secret:reveal, secret:scan, session:read, session:revoke, lease:read, token:write, approval:read, audit:erase, attest:verify',
    )
    .option('--expires-in <seconds>', 'life of the token', positive, 30 * 86_400)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (name: string, options) => (await import('./token.ts')).createToken(name, options)))
  token
    .command('list')
    .description('API tokens: ids, names, scopes, when they end; never the tokens')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./token.ts')).listTokens(options)))
  token
    .command('revoke')
    .description('end an API token at once')
    .argument('<id>', 'tok_..., as mayfly token list shows it')
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (id: string, options) => (await import('./token.ts')).revokeToken(id, options)))
  token
    .command('recover')
    .description('make a new operator token on the server’s own machine, when the first one is lost')
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .option('--name <name>', 'what the token is called', 'operator')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nNeeds no token: whoever owns the data folder may. It works while mayfly up runs there, and while it does not.\nAn entry of the audit log says so. Earlier tokens stay in force: mayfly token list, mayfly token revoke.',
    )
    .action(act((options) => starters.recoverToken(options)))
}
