import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { MayflyError } from '../lib/index.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** Where data of Mayfly's that was made before it had a place of its own may stand: in the folder `up` was started in. */
const formerName = 'mayfly-data'

/** What every data folder of `mayfly up` has; other folders by these names are somebody else's. */
const marks = ['keys/vault.key', 'server/mayfly.db', 'audit/checkpoint']

/**
 * Where `mayfly up` keeps its data if nobody says otherwise: systemd's StateDirectory=, /var/lib/mayfly for root, else
 * the user's state folder (XDG Base Directory Specification: a relative path is none). Never the folder it is started in:
 * in CI that is the workspace, and the vault key would lie before every step. Undefined where there is no home.
 */
export function standardDataFolder(env: Variables, uid: number | undefined): string | undefined {
  // Of several (`StateDirectory=a b`) ours; a service that has another one is not us, but may have started us.
  const ofSystemd = (env['STATE_DIRECTORY'] ?? '').split(':').find((path) => /^\/.*\/mayfly$/.test(path))
  if (ofSystemd !== undefined) return ofSystemd
  if (uid === 0) return '/var/lib/mayfly'
  const { XDG_STATE_HOME: state = '', HOME: home = '' } = env
  if (isAbsolute(state)) return join(state, 'mayfly')
  return isAbsolute(home) ? join(home, '.local', 'state', 'mayfly') : undefined
}

/**
 * The data folder that is meant: `--data`, else `MAYFLY_DATA`, else the standard one. Throws `data_folder` if that one is
 * still empty while `./mayfly-data` has data from before: an empty second server would look as if all were lost.
 */
export function chooseDataFolder(where: {
  option: string | undefined
  variable: string | undefined
  standard: string | undefined
  current: string
}): string {
  const { standard, current } = where
  const named = where.option ?? where.variable
  if (named !== undefined) {
    // A variable of a shell that is not set, and a folder that is the whole machine.
    if (named === '' || resolve(current, named) === '/')
      throw new MayflyError('data_folder', `"${named}" is no place for data: name a folder of its own`)
    return named
  }
  if (standard === undefined)
    throw new MayflyError('data_folder', 'there is no home to keep data in: set HOME, or say --data FOLDER')
  const former = resolve(current, formerName)
  if (former !== standard && !hasData(standard) && hasData(former))
    throw new MayflyError(
      'data_folder',
      `Mayfly’s data is now kept in ${standard}, and ${former} has data from before: stop mayfly up, then move it: mkdir -p ${quoted(dirname(standard))} && mv -T ${quoted(former)} ${quoted(standard)} (or leave it there, with --data ${quoted(former)})`,
    )
  return standard
}

/** Whether this is a data folder of `mayfly up`. */
export function hasData(folder: string): boolean {
  return marks.some((mark) => existsSync(join(folder, mark)))
}

/** As a shell reads it back. */
function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
