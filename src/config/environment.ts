import { isAbsolute, join } from 'node:path'
import { chooseDataFolder, standardDataFolder } from './data-folder.ts'
import { readIdentitySource, type IdentitySource } from './identity-source.ts'

export { hasData } from './data-folder.ts'
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
  /** Where what can be made again is kept: `XDG_CACHE_HOME` or `~/.cache`, and `mayfly` below. */
  cacheFolder: string | undefined
  /** `MAYFLY_DATA`: data folder of `mayfly up`. */
  dataFolder: string | undefined
  /** Where its data is if nobody says otherwise (`standardDataFolder`). */
  standardDataFolder: string | undefined
  /** `MAYFLY_AUDIENCE`: what the CI's identity token must be made for, where that is not the server's URL. */
  audience: string | undefined
  /** `MAYFLY_CA_FILE`: certificate authorities (PEM) to trust beside the system's. */
  caFile: string | undefined
  /** Where the job's identity token comes from. */
  identitySource: IdentitySource
  /** The URL and PEM file that npm is configured for, as `npm run` hands them on. */
  npm: { registry: string | undefined; cafile: string | undefined }
  /** All variables, for the runner's own choice of what a step may see and what is masked. */
  variables: Readonly<Record<string, string>>
}

/** A variable that is set to nothing is as one that is not set: CIs make such of a secret or input that is missing. */
export function readEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  uid: number | undefined = process.getuid?.(),
): Environment {
  const set = (name: string) => (env[name] === '' ? undefined : env[name])
  return {
    server: set('MAYFLY_SERVER'),
    apiToken: set('MAYFLY_TOKEN'),
    configFolder: xdgFolder(env, 'XDG_CONFIG_HOME', '.config'),
    cacheFolder: xdgFolder(env, 'XDG_CACHE_HOME', '.cache'),
    dataFolder: set('MAYFLY_DATA'),
    standardDataFolder: standardDataFolder(env, uid),
    audience: set('MAYFLY_AUDIENCE'),
    caFile: set('MAYFLY_CA_FILE'),
    identitySource: readIdentitySource(env),
    npm: { registry: set('npm_config_registry'), cafile: set('npm_config_cafile') },
    variables: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  }
}

/** XDG Base Directory Specification: a relative path is not one. */
function xdgFolder(env: NodeJS.ProcessEnv, variable: string, inHome: string): string | undefined {
  const { [variable]: set, HOME: home } = env
  if (set !== undefined && isAbsolute(set)) return join(set, 'mayfly')
  return home !== undefined && isAbsolute(home) ? join(home, inHome, 'mayfly') : undefined
}

/**
 * The data folder of `mayfly up` that a command means: every command on its machine asks here. Throws `data_folder`, see
 * `chooseDataFolder`.
 */
export function dataFolderOf(option: string | undefined, environment = readEnvironment()): string {
  const { dataFolder, standardDataFolder: standard } = environment
  return chooseDataFolder({ option, variable: dataFolder, standard, current: process.cwd() })
}
