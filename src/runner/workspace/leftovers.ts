import { lstatSync, readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative } from 'node:path'
import { Secret } from '../../lib/index.ts'
import { credentialFiles, credentialFolders } from './credential-places.ts'
import { readInside } from './inside.ts'
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
}

/** Folders that are looked into, and how far; the rest of a workspace is its code's own. */
const maxDepth = 3
const maxFolders = 2_000
const passedOver = new Set(['node_modules', '.git', '.venv', 'target', 'vendor'])
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
  const files = tokenFiles(workspace)
  const seen = new Set<string>()
  for (const { path, as } of files) {
    const text = seen.has(path) ? undefined : readInside(workspace, path, maxFileBytes)
    seen.add(path)
    if (text === undefined) continue
    const isGit = isGitConfig(as)
    if (isGit && files.length < maxFolders) files.push(...includedFiles(workspace, path, text, secrets))
    const cleaned = isGit ? cleanGitConfig(text) : cleanTokenFile(as, text)
    if (cleaned === undefined) continue
    for (const secret of cleaned.secrets) secrets.add(secret)
    covers.set(path, { path, text: as.endsWith('.json') ? '{}\n' : cleaned.text })
  }
  for (const cover of knownPlaces(workspace)) covers.set(cover.path, cover)
  return {
    covers: [...covers.values()],
    secrets: [...secrets].slice(0, maxSecrets).map((secret) => new Secret(secret)),
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
function tokenFiles(workspace: string): TokenFile[] {
  const found: TokenFile[] = []
  const add = (path: string, as: string) => {
    const plain = plainPath(workspace, path)
    if (plain !== undefined) found.push({ path: plain, as })
  }
  const folders = [{ name: '', depth: 0 }]
  for (const { name, depth } of folders) {
    const entries = entriesOf(join(workspace, name))
    for (const entry of entries) {
      const path = join(name, entry.name)
      if (entry.name === '.git')
        for (const config of gitConfigsAt(workspace, path)) add(config, gitConfigName)
      else if (isTokenFile(path)) add(path, path)
      else if (
        entry.isDirectory() &&
        depth < maxDepth &&
        folders.length < maxFolders &&
        !passedOver.has(entry.name)
      )
        folders.push({ name: path, depth: depth + 1 })
    }
    // A bare repository, or one that a `.git` file elsewhere names.
    if (['HEAD', 'config', 'objects'].every((part) => entries.some((entry) => entry.name === part)))
      for (const config of gitConfigs(workspace, name)) add(config, gitConfigName)
  }
  return found
}

const gitConfigName = '.git/config'

function isGitConfig(as: string): boolean {
  return as === gitConfigName
}

/** Of a folder, a link to one, or a file that says where it is. */
function gitConfigsAt(workspace: string, path: string): string[] {
  const named = /^gitdir: (.{1,4096})$/m.exec(readInside(workspace, path, 8_192) ?? '')?.[1]
  const folder =
    named === undefined ? path : isAbsolute(named) ? relative(workspace, named) : join(dirname(path), named)
  const plain = plainPath(workspace, folder)
  return plain === undefined ? [] : [...gitConfigs(workspace, plain), join(plain, 'credentials')]
}

function gitConfigs(workspace: string, folder: string, depth = 0): string[] {
  const here = ['config', 'config.worktree'].map((name) => join(folder, name))
  if (depth === 6) return here
  const below = ['modules', 'worktrees'].flatMap((kind) =>
    entriesOf(join(workspace, folder, kind))
      .filter((entry) => entry.isDirectory())
      .slice(0, maxFolders)
      .flatMap((entry) => gitConfigs(workspace, join(folder, kind, entry.name), depth + 1)),
  )
  return [...here, ...below]
}

const maxIncludes = 100

/**
 * Files that a configuration includes; actions/checkout keeps its token in one beside the workspace. Those in the workspace
 * are returned; of the others, which the step does not see, the secrets are noted.
 */
function includedFiles(workspace: string, config: string, text: string, secrets: Set<string>): TokenFile[] {
  const paths = text.split(/[\r\n]+/).flatMap((line) => includeIn(line) ?? [])
  return paths.slice(0, maxIncludes).flatMap((named) => {
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

/** `path = FILE`, behind a section's head or alone, quoted or not, with a comment behind it (git-config(1)). */
function includeIn(line: string): string | undefined {
  if (line.length > 4_096) return undefined
  const value = /(?:^|\])[ \t]{0,64}path[ \t]{0,64}=[ \t]{0,64}(.*)$/i.exec(line)?.[1]
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value ?? '')?.[1]
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1')
  return value?.replace(/[;#].*$/, '').trim()
}

/** Where it really is in the workspace; undefined if it is not there, or a link that leads out. */
function plainPath(workspace: string, path: string): string | undefined {
  const real = realPath(join(workspace, path))
  const inside = real === undefined ? undefined : relative(workspace, real)
  return inside === undefined || inside === '' || inside.startsWith('..') ? undefined : inside
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
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
