import type { Command } from 'commander'
import { readEnvironment } from '../config/environment.ts'
import { trustRoots } from '../lib/index.ts'
import { caFileOption } from './command.ts'
import { exitCodeOf, printError } from './output.ts'

/** Options that name a server of ours; and up, audit-log and forward, which reach others from their configuration. */
const reaching: ReadonlySet<string> = new Set(['--server', '--url', '--witness-policy'])

/**
 * Gives every command that reaches a server of ours `--ca-file`, and has it trust the system's certificate authorities before
 * it does, where TLS will be spoken. Called once all commands are there, so that none is left out.
 */
export function trustOwnAuthorities(program: Command): void {
  for (const command of allOf(program))
    if (command.options.some(({ long }) => reaching.has(long ?? ''))) command.addOption(caFileOption())
  program.hook('preAction', (_program, command) => {
    const options = command.opts<{ caFile?: string; server?: string; url?: string; json?: boolean }>()
    try {
      const environment = readEnvironment()
      const caFile = options.caFile ?? environment.caFile
      const urls = [options.server ?? environment.server, options.url]
      // The system's authorities take some 20 ms to read, and `mayfly run` on this machine needs none.
      if (caFile !== undefined || urls.some((url) => url?.startsWith('https:'))) trustRoots(caFile)
    } catch (error) {
      printError(options.json === true, error)
      process.exit(exitCodeOf(error))
    }
  })
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}
