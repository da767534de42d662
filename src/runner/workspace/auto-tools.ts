import { readdirSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Environment } from '../../config/environment.ts'
import { MayflyError } from '../../lib/index.ts'
import { allowedTools, isWithin } from './allowed.ts'
import { credentialFiles, credentialFolders } from './credential-places.ts'
import { existsInside, readInside } from './inside.ts'
import { cleanGitConfig, cleanTokenFile, isTokenFile } from './token-files.ts'
import { toolPlaces } from './tool-places.ts'

export interface AutoTools {
  /** Folders that a step may read, without links. */
  readonly folders: readonly string[]
  /** Variables that say where they are, for the tools themselves. */
  readonly variables: Readonly<Record<string, string>>
  /** Those that were found and are not shown, and why. */
  readonly left: readonly { readonly folder: string; readonly why: string }[]
}

/** What a step has without being told: the system's, which its sandbox has in any case. */
const ofSystem = ['/usr', '/opt', '/bin', '/sbin', '/lib']

/**
 * The folders of tools that the job itself uses: those on its PATH, and those whose variable it has. One that holds a
 * credential, a home, the workspace or Mayfly's data is not among them.
 */
export function findTools(environment: Environment, workspace: string): AutoTools {
  const { variables: job } = environment
  const onPath = (job['PATH'] ?? '').split(':').flatMap((path) => realFolder(path) ?? [])
  const found = {
    folders: [] as string[],
    variables: {} as Record<string, string>,
    left: [] as AutoTools['left'][number][],
  }
  for (const { variable, home, path, parts } of toolPlaces) {
    const named = variable === undefined ? undefined : job[variable]
    const usual = home === undefined ? path : join(job['HOME'] ?? '', home)
    const root = realFolder(named ?? usual)
    if (root === undefined) continue
    const isUsed = named !== undefined || onPath.some((path) => isWithin(root, path)) || isOftenLinkedTo(home)
    if (!isUsed) continue
    const folders = parts === undefined ? [root] : parts.flatMap((part) => realFolder(join(root, part)) ?? [])
    for (const folder of folders) {
      if (found.folders.includes(folder) || ofSystem.some((system) => isWithin(system, folder))) continue
      const why = whyNot(folder, environment, workspace)
      if (why === undefined) found.folders.push(folder)
      else found.left.push({ folder, why })
    }
    if (variable !== undefined && folders.length > 0) found.variables[variable] = root
  }
  const isTold = (path: string) =>
    [...ofSystem, workspace, ...found.folders, ...found.left.map(({ folder }) => folder)].some((folder) =>
      isWithin(folder, path),
    )
  for (const folder of new Set(onPath))
    if (!isTold(folder) && !isWithin(folder, workspace)) found.left.push({ folder, why: unknownPlace })
  return found
}

/** A home has folders on PATH that hold anything; only those that tools are known to make are shown unasked. */
const unknownPlace = 'it is on PATH, and no place where tools are known to be put'

/** Programs of one folder lead into another: pipx and uv to their environments, cargo to rustup's toolchains. */
function isOftenLinkedTo(home: string | undefined): boolean {
  return home !== undefined && /^(?:\.rustup|\.local\/(?:pipx|share\/(?:pipx|uv)\b.*))$/.test(home)
}

function whyNot(folder: string, environment: Environment, workspace: string): string | undefined {
  if (isWithin(folder, workspace) || isWithin(workspace, folder)) return 'the workspace is there'
  try {
    allowedTools(folder, environment)
  } catch (error) {
    if (error instanceof MayflyError) return error.message
    throw error
  }
  const held = credentialIn(folder)
  return held === undefined ? undefined : `credentials are in ${held}`
}

const maxFileBytes = 1_048_576
const maxEntries = 2_000

/** Tools keep their logins at the top of their folder, or in the configuration of the repository that they are. */
function credentialIn(folder: string): string | undefined {
  if (credentialFolders.some((name) => existsInside(folder, name))) return 'it'
  const names = [...readdirSync(folder).slice(0, maxEntries), ...credentialFiles, '.git/config']
  return names.find((name) => {
    if (!isTokenFile(name) && name !== '.git/config' && !credentialFiles.includes(name)) return false
    const text = readInside(folder, name, maxFileBytes)
    if (text === undefined) return existsInside(folder, name)
    if (credentialFiles.includes(name)) return true
    return (name === '.git/config' ? cleanGitConfig(text) : cleanTokenFile(name, text)) !== undefined
  })
}

function realFolder(path: string | undefined): string | undefined {
  if (path === undefined || !isAbsolute(path)) return undefined
  try {
    const real = realpathSync(path)
    return statSync(real).isDirectory() ? real : undefined
  } catch {
    return undefined
  }
}
