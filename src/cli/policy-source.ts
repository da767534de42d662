import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError } from '../lib/index.ts'
import { readText } from './apply.ts'
import { readFromGit } from './git-source.ts'

/** A policy as it is sent to the server. */
export interface PolicyText {
  /** As errors name it. */
  readonly file: string
  readonly text: string
  readonly source?: { readonly repository: string; readonly ref: string; readonly commit: string }
}

/** Reads a file, a folder with a mayfly.yaml, or a commit. Throws `bad_input` with what to do. */
export async function readPolicy(path: string, git: string | undefined): Promise<PolicyText> {
  if (git !== undefined) return readFromGit(git, path)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { file: path, text: readText(path) }
  const file = join(path, 'mayfly.yaml')
  refuseCedar(join(path, 'policies'))
  return { file, text: readText(file) }
}

// A forbid that is left out unseen would allow what it forbids.
function refuseCedar(folder: string): void {
  const left = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.cedar')) : []
  if (left.length > 0)
    throw new MayflyError(
      'bad_input',
      `${folder} has ${left.join(', ')}, which cannot be applied yet: nothing was sent`,
    )
}
