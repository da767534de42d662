import { isAbsolute, join } from 'node:path'
import { readIdentitySource, type IdentitySource } from './identity-source.ts'

export type { IdentitySource } from './identity-source.ts'

/**
 * Everything Mayfly reads from its environment. No other file reads `process.env`
 * (the runner gets the job's variables from here, as data).
 */
export interface Environment {
  /** `MAYFLY_SERVER`: URL of the server. */
  server: string | undefined
  /** `MAYFLY_TOKEN`: an operator's API token. */
  apiToken: string | undefined
  /** Where `mayfly login` keeps its token: `XDG_CONFIG_HOME` or `~/.config`, and `mayfly` below. */
  configFolder: string | undefined
  /** `MAYFLY_DATA`: data folder of `mayfly up`. */
  dataFolder: string | undefined
  /** `MAYFLY_AUDIENCE`: what the CI's identity token must be made for, where that is not the server's URL. */
  audience: string | undefined
  /** Where the job's identity token comes from. */
  identitySource: IdentitySource
  /** The URL and PEM file that npm is configured for, as `npm run` hands them on. */
  npm: { registry: string | undefined; cafile: string | undefined }
  /** All variables, for the runner's own choice of what a step may see and what is masked. */
  variables: Readonly<Record<string, string>>
}

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  return {
    server: env['MAYFLY_SERVER'],
    apiToken: env['MAYFLY_TOKEN'],
    configFolder: configFolderOf(env),
    dataFolder: env['MAYFLY_DATA'],
    audience: env['MAYFLY_AUDIENCE'],
    identitySource: readIdentitySource(env),
    npm: { registry: env['npm_config_registry'], cafile: env['npm_config_cafile'] },
    variables: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  }
}

/** XDG Base Directory Specification: a relative path is not one. */
function configFolderOf(env: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CONFIG_HOME: set, HOME: home } = env
  if (set !== undefined && isAbsolute(set)) return join(set, 'mayfly')
  return home !== undefined && isAbsolute(home) ? join(home, '.config', 'mayfly') : undefined
}
