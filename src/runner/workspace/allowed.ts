import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasData, type Environment } from '../../config/environment.ts'
import { MayflyError } from '../../lib/index.ts'
import { credentialFolders } from './credential-places.ts'
import { openToOwner } from './writable.ts'

/** Never a workspace, nor a folder to read, as a whole. */
const system =
  '/ /bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /run /sbin /sys /tmp /usr /var /var/lib'
const systemFolders: ReadonlySet<string> = new Set(system.split(' '))
/** Nor anything in these. */
const systemTrees = ['/boot', '/etc', '/proc', '/sys']

interface Place {
  readonly path: string
  readonly what: string
}

/**
 * The workspace without links. Throws `bad_input` if it is, or holds, what a step must never reach: the system, a home,
 * Mayfly's own program (the next `mayfly run` would be what a step made of it) or data. `environment` says where those are.
 */
export function allowedWorkspace(path: string, environment: Environment): string {
  const folder = realFolder(path, 'workspace')
  refuseSystem(folder, 'workspace')
  refuseCredentials(folder, 'workspace')
  refuseHolding(folder, 'workspace', homes(environment))
  refuseHolding(folder, 'workspace', program())
  openToOwner(folder)
  refuseData(folder, 'workspace', environment)
  return folder
}

/** A folder of `--tools`, without links: one that a step may read. Throws `bad_input` as above; it may hold the program. */
export function allowedTools(path: string, environment: Environment): string {
  const folder = realFolder(path, 'tools folder')
  refuseSystem(folder, 'tools folder')
  refuseCredentials(folder, 'tools folder')
  refuseHolding(folder, 'tools folder', homes(environment))
  refuseData(folder, 'tools folder', environment)
  return folder
}

function realFolder(path: string, what: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new MayflyError('bad_input', `the ${what} ${path} is no folder`)
  return realpathSync(path)
}

function refuse(folder: string, what: string, why: string, instead: string): never {
  throw new MayflyError('bad_input', `${folder} cannot be the ${what}: ${why}: ${instead}`)
}

const another: Readonly<Record<string, string>> = {
  workspace: 'run in a folder of the job’s own, or name one with --workspace',
  'tools folder': 'name the folder of the tool alone',
}

function refuseSystem(folder: string, what: string): void {
  if (systemFolders.has(folder) || systemTrees.some((tree) => isWithin(tree, folder)))
    refuse(folder, what, 'it belongs to the system', another[what] ?? '')
}

function refuseCredentials(folder: string, what: string): void {
  const found = credentialFolders.find((name) => `${folder}/`.includes(`/${name}/`))
  if (found !== undefined) refuse(folder, what, `credentials are kept in ${found}`, another[what] ?? '')
}

function refuseHolding(folder: string, what: string, places: readonly Place[]): void {
  const held = places.find(({ path }) => isWithin(folder, path))
  if (held === undefined) return
  const instead =
    held.what === 'Mayfly’s own program'
      ? 'a step could replace it: install it outside (npm install --global), or name another folder with --workspace'
      : another[what]
  refuse(
    folder,
    what,
    `it ${held.path === folder ? 'is' : 'holds'} ${held.what} (${held.path})`,
    instead ?? '',
  )
}

function refuseData(folder: string, what: string, environment: Environment): void {
  const { dataFolder, standardDataFolder } = environment
  const known = [dataFolder, standardDataFolder].flatMap((path) => realPath(path) ?? [])
  const children = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
  const data =
    known.find((path) => isWithin(folder, path) || isWithin(path, folder)) ??
    [...ancestors(folder), folder, ...children].find((path) => hasData(path))
  if (data !== undefined)
    refuse(
      folder,
      what,
      `the data of mayfly up is in ${data}, with the key of the vault`,
      'run jobs in another folder, or move the data (mayfly up --data)',
    )
}

/** HOME, and what passwd says for root and for this user, whose HOME may be set to something else. */
function homes(environment: Environment): Place[] {
  const uid = process.getuid?.() ?? 0
  const listed = readIfThere('/etc/passwd')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , id]) => id === '0' || id === String(uid))
    .map((fields) => fields[5])
  return [environment.variables['HOME'], ...listed].flatMap((home) => {
    const path = realPath(home)
    return path === undefined || path === '/' ? [] : [{ path, what: 'a home' }]
  })
}

/** The folders and files that Mayfly runs from, and the Node that runs it. */
function program(): Place[] {
  const file = realpathSync(fileURLToPath(import.meta.url))
  const root = ancestors(file).findLast((path) => existsSync(join(path, 'package.json'))) ?? dirname(file)
  const parts = ['bin', 'dist', 'node_modules', 'src'].map((name) => join(root, name))
  return [file, root, ...parts, realpathSync(process.execPath)].map((path) => ({
    path,
    what: 'Mayfly’s own program',
  }))
}

/** From the top down, without the path itself. */
function ancestors(path: string): string[] {
  const above: string[] = []
  for (let folder = path; folder !== '/';) above.unshift((folder = dirname(folder)))
  return above
}

export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}

function realPath(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : realpathSync(path)
  } catch {
    return undefined
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
