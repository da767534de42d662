import { lstatSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'
import { isPolicyFile, misplacedIn, misspeltIn, writeBundle } from './policy-bundle.ts'
import { trustFilesOf, trustIn, type TrustFile } from './trust-files.ts'

/**
 * Reads a mayfly.yaml, or the one in a folder, with `policies/*.cedar` and `policies/*.test.yaml` beside it and the
 * files of certificates and keys that it names, as one text (`writeBundle`). `file` is how its problems should name it. Throws `bad_input`, also for what an author would
 * believe to be read and is not.
 */
export function readPolicyFiles(path: string): { text: string; file: string } {
  const file = isFolder(path) ? join(path, 'mayfly.yaml') : path
  const folder = dirname(file)
  const policy = readText(file)
  const misspelt = misspeltIn(attempt(() => readdirSync(folder)) ?? [])
  if (misspelt !== undefined) throw bad(join(folder, misspelt), 'it would not be read: its name is policies')
  refuseOthersBeside(file, folder)
  const names = listPolicies(join(folder, 'policies')).map((name) => `policies/${name}`)
  for (const name of names) {
    const isFile = attempt(() => statSync(join(folder, name)).isFile()) === true
    const problem = misplacedIn(name, isFile)
    if (problem !== undefined) throw bad(join(folder, name), problem)
  }
  const files = names.filter(isPolicyFile).map((name) => [name, readText(join(folder, name))] as const)
  const trusted = trustFilesOf(policy).map(
    (one) => [one.key, readTrust(one, resolve(folder, one.path))] as const,
  )
  return { text: writeBundle({ policy, files: Object.fromEntries([...files, ...trusted]) }), file }
}

function readTrust(named: TrustFile, file: string): string {
  if (attempt(() => statSync(file))?.isFile() === false) throw bad(file, 'it is no file')
  const found = trustIn(named, readBytes(file))
  if ('lacks' in found) throw bad(file, found.lacks)
  return found.text
}

/** Behind a link the file may stand beside other policies than the link does. */
function refuseOthersBeside(file: string, folder: string): void {
  // A pipe (`<(...)` of a shell) stands nowhere.
  const target = attempt(() => realpathSync(file))
  const others = target && attempt(() => realpathSync(join(dirname(target), 'policies')))
  if (others !== undefined && others !== attempt(() => realpathSync(join(folder, 'policies'))))
    throw bad(file, `it is a link, and what stands in ${others} would not be read: name the file itself`)
}

/** What the file system says; undefined if it does not. */
function attempt<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch {
    return undefined
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function listPolicies(folder: string): string[] {
  // A link that leads nowhere is no folder that is missing: its forbids are elsewhere just now.
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return []
  return namesIn(folder).filter((name) => !isOfConfigMap(name))
}

/** Kubernetes keeps the files of a mounted ConfigMap in folders by such names, and links to each of them beside. */
function isOfConfigMap(name: string): boolean {
  return /^\.\.(?:data|data_tmp|[0-9][0-9_.]*)$/.test(name)
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (cause) {
    throw bad(folder, `it cannot be read: ${messageOf(cause)}`, cause)
  }
}

function readText(file: string): string {
  return readBytes(file).toString('utf8')
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw bad(file, `it cannot be read: ${messageOf(cause)}`, cause)
  }
}

function bad(path: string, problem: string, cause?: unknown): MayflyError {
  return new MayflyError('bad_input', `${path}: ${problem}`, { cause })
}
