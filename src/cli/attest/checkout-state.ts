import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MayflyError, messageOf } from '../../lib/index.ts'

/** Throws `bad_input` unless the checkout is at this very commit, with nothing changed and nothing beside it. */
export async function refuseOtherCheckout(folder: string, commit: string): Promise<void> {
  const head = (await git(folder, ['rev-parse', '--verify', 'HEAD'])).trim()
  if (head !== commit)
    throw new MayflyError(
      'bad_input',
      `${folder} is at ${head.slice(0, 12)}, and it was built from ${commit.slice(0, 12)}: git checkout ${commit}`,
    )
  const changed = await git(folder, ['status', '--porcelain', '--untracked-files=all', '-z'])
  const [first] = changed.split('\0')
  if (first !== undefined && first !== '')
    throw new MayflyError(
      'bad_input',
      `${folder} has files that are not of the commit (${JSON.stringify(first.slice(3, 200))}): git stash, or another clone`,
    )
}

/** Git as a reader: a checkout's own configuration may name programs that it would run. */
async function git(folder: string, args: readonly string[]): Promise<string> {
  const quiet = [
    '-c',
    'core.fsmonitor=false',
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'core.untrackedCache=false',
  ]
  try {
    const { stdout } = await promisify(execFile)('git', [...quiet, '-C', folder, ...args], {
      timeout: 60_000,
      maxBuffer: 16_777_216,
    })
    return stdout
  } catch (cause) {
    throw new MayflyError('bad_input', `${folder} is no checkout that git can read: ${messageOf(cause)}`, {
      cause,
    })
  }
}
