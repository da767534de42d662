import { lstatSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative } from 'node:path'
import { Secret } from '../../lib/index.ts'
import { credentialFiles, credentialFolders } from './credential-places.ts'
import { includesOf, storesOf } from './git-config.ts'
import { readInside } from './inside.ts'
import { lookThrough, plainPath, realPath, type Found } from './repositories.ts'
import { cleanGitConfig, cleanTokenFile, isTokenFile } from './token-files.ts'

/** What a step sees in place of what is in the workspace. */
export interface Cover {
  /** Relative to the workspace; a plain file or folder, no link on the way. */
  readonly path: string
  /** undefined: an empty folder. */
  readonly text: string | undefined
}

/** Credentials that a checkout, a login or a user left in the workspace. */
export interface Leftovers {
  readonly covers: readonly Cover[]
  /** What was in them, for the masker. */
  readonly secrets: readonly Secret[]
  /** The first folder with more names than are looked at; undefined: none. */
  readonly cutAt?: string | undefined
}

/** Includes may go in circles. */
const maxFiles = 4_000
const maxFileBytes = 1_048_576
/** More than a person leaves; a file that a step wrote may name any number. */
const maxSecrets = 500

/** A file that may hold a token: where it really is in the workspace, and the name that says what it is. */
interface TokenFile {
  readonly path: string
  readonly as: string
}

/** Looks before each step, because the one before may have checked out or logged in. */
export function findLeftovers(workspace: string): Leftovers {
  const covers = new Map<string, Cover>()
  const secrets = new Set<string>()
  const found = lookThrough(workspace)
  const files = tokenFiles(workspace, found)
  const seen = new Set<string>()
  for (const { path, as } of files) {
    const text = seen.has(path) ? undefined : readInside(workspace, path, maxFileBytes)
    seen.add(path)
    if (text === undefined) continue
    const isGit = isGitConfig(as)
    if (isGit && files.length < maxFiles)
      files.push(...includedFiles(workspace, path, text, secrets), ...storeFiles(workspace, path, text))
    const cleaned = isGit ? cleanGitConfig(text) : cleanTokenFile(as, text)
    if (cleaned === undefined) continue
    for (const secret of cleaned.secrets) secrets.add(secret)
    covers.set(path, { path, text: as.endsWith('.json') ? '{}\n' : cleaned.text })
  }
  for (const cover of knownPlaces(workspace)) covers.set(cover.path, cover)
  return {
    covers: [...covers.values()],
    cutAt: found.cutAt,
    secrets: [...secrets].slice(0, maxSecrets).map((secret) => new Secret(secret, '(file of the workspace)')),
  }
}

function knownPlaces(workspace: string): Cover[] {
  return [...credentialFolders, ...credentialFiles].flatMap((name): Cover[] => {
    const path = plainPath(workspace, name)
    const stat = path === undefined ? undefined : lstatSync(join(workspace, path))
    if (path === undefined) return []
    if (stat?.isDirectory() === true) return [{ path, text: undefined }]
    return stat?.isFile() === true ? [{ path, text: name.endsWith('.json') ? '{}\n' : '' }] : []
  })
}

/** The configurations of all repositories, and the files of the package managers. */
function tokenFiles(workspace: string, { repositories, files }: Found): TokenFile[] {
  const configs = repositories.flatMap((folder) =>
    ['config', 'config.worktree'].map((name) => ({ path: join(folder, name), as: gitConfigName })),
  )
  const credentials = repositories.map((folder) => join(folder, 'credentials'))
  const named = [...files, ...credentials].filter(isTokenFile).map((path) => ({ path, as: path }))
  return [...configs, ...named].flatMap(({ path, as }) => {
    const plain = plainPath(workspace, path)
    return plain === undefined ? [] : [{ path: plain, as }]
  })
}

const gitConfigName = '.git/config'

function isGitConfig(as: string): boolean {
  return as === gitConfigName
}

/**
 * Files that a configuration includes; actions/checkout keeps its token in one beside the workspace. Those in the workspace
 * are returned; of the others, which the step does not see, the secrets are noted.
 */
function includedFiles(workspace: string, config: string, text: string, secrets: Set<string>): TokenFile[] {
  return includesOf(text).flatMap((named) => {
    const file = isAbsolute(named) ? named : join(workspace, dirname(config), named)
    const inside = relative(workspace, file)
    if (!inside.startsWith('..') && !isAbsolute(inside)) {
      const path = plainPath(workspace, inside)
      return path === undefined ? [] : [{ path, as: gitConfigName }]
    }
    const outside = realPath(dirname(file))
    const included = outside === undefined ? undefined : readInside(outside, basename(file), maxFileBytes)
    for (const secret of cleanGitConfig(included ?? '')?.secrets ?? []) secrets.add(secret)
    return []
  })
}

/** Files of any name that a credential helper keeps its logins in. */
function storeFiles(workspace: string, config: string, text: string): TokenFile[] {
  // Relative to where git was started: the top of the workspace, or of the checkout.
  const folders = [workspace, join(workspace, dirname(dirname(config)))]
  return storesOf(text).flatMap((name) =>
    folders.flatMap((folder) => {
      const path = plainPath(workspace, relative(workspace, isAbsolute(name) ? name : join(folder, name)))
      return path === undefined ? [] : [{ path, as: '.git-credentials' }]
    }),
  )
}

/** One line for the developer: where they are, and how not to leave them there. Undefined if there is nothing to say. */
export function describeLeftovers(
  { covers }: Leftovers,
  job: Readonly<Record<string, string>>,
  isHidden: boolean,
): string | undefined {
  if (covers.length === 0) return undefined
  // A step names its folders; a line break in one would be a line of ours.
  const names = covers.map(({ path }) => path.replaceAll(/[^\x20-\x7e]/g, '?'))
  const shown = names.slice(0, 8).join(', ') + (names.length > 8 ? ` and ${names.length - 8} more` : '')
  const what = isHidden
    ? 'the step sees the files without them'
    : 'the step can read them, because it has no sandbox'
  return `credentials are left in the workspace, in ${shown}: they are masked, and ${what}: ${remedy(names, job)}`
}

function remedy(names: readonly string[], job: Readonly<Record<string, string>>): string {
  if (!names.some((name) => name.includes('.git/')))
    return 'keep them out of the workspace; Mayfly adds credentials on the way'
  if (job['GITHUB_ACTIONS'] === 'true') return 'give actions/checkout `persist-credentials: false`'
  if (job['GITLAB_CI'] === 'true') return 'set GIT_STRATEGY: none, and clone in a step of Mayfly'
  if (job['TF_BUILD'] !== undefined) return 'give checkout `persistCredentials: false`'
  return 'let the checkout leave no credentials, or clone in a step of Mayfly'
}
