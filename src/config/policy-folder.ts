import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../lib/index.ts'
import { isPolicyFile, misplacedIn, writeBundle } from './policy-bundle.ts'

/**
 * Reads a mayfly.yaml, or the one in a folder, with `policies/*.cedar` and `policies/*.test.yaml` beside it, as one
 * text (`writeBundle`). `file` is how its problems should name it. Throws `bad_input`.
 */
export function readPolicyFiles(path: string): { text: string; file: string } {
  const file = isFolder(path) ? join(path, 'mayfly.yaml') : path
  const folder = dirname(file)
  const names = listPolicies(join(folder, 'policies')).map((name) => `policies/${name}`)
  for (const name of names) {
    const problem = misplacedIn(
      name,
      statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true,
    )
    if (problem !== undefined) throw new MayflyError('bad_input', `${join(folder, name)}: ${problem}`)
  }
  const files = names.filter(isPolicyFile).map((name) => [name, readText(join(folder, name))] as const)
  return { text: writeBundle({ policy: readText(file), files: Object.fromEntries(files) }), file }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function listPolicies(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return []
    throw new MayflyError('bad_input', `${folder} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
