import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { MayflyError, escapeUnseen, messageOf } from '../../lib/index.ts'
import { writeWhole } from '../../scan/findings/index.ts'
import { exitCodes, print } from '../output.ts'
import { readText } from '../text-file.ts'

const mark =
  '# mayfly scan hook: written by "mayfly scan hook install", taken away by "mayfly scan hook remove"'

/** Writes `.git/hooks/pre-commit`, or says what to do where there is one. */
export function installHook(): Promise<number> {
  const file = hookFile()
  const before = textOf(file)
  if (before !== undefined && !before.includes(mark))
    throw new MayflyError(
      'conflict',
      `${escapeUnseen(file)} is another hook, and stays as it is: add the line "mayfly scan --staged || exit 1" to it`,
    )
  mkdirSync(dirname(file), { recursive: true })
  writeWhole(file, hookText())
  chmodSync(file, 0o755)
  print(false, {}, [
    `${escapeUnseen(file)}: a commit that adds a secret is refused; git commit --no-verify goes without`,
  ])
  return Promise.resolve(exitCodes.ok)
}

/** Takes it away, if it is ours. */
export function removeHook(): Promise<number> {
  const file = hookFile()
  const before = textOf(file)
  if (before === undefined) print(false, {}, [`${escapeUnseen(file)} is not there`])
  else if (!before.includes(mark))
    throw new MayflyError('conflict', `${escapeUnseen(file)} is not Mayfly’s, and stays as it is`)
  else {
    rmSync(file)
    print(false, {}, [`${escapeUnseen(file)} is gone`])
  }
  return Promise.resolve(exitCodes.ok)
}

/** Refused where it would be the hook of other repositories, too. */
function hookFile(): string {
  const file = resolve(git(['rev-parse', '--git-path', 'hooks/pre-commit']))
  const folder = realpathSync(git(['rev-parse', '--git-common-dir']))
  const existing = [dirname(file), dirname(dirname(file))].find((path) => existsSync(path)) ?? '/'
  if (!`${realpathSync(existing)}${sep}`.startsWith(`${folder}${sep}`))
    throw new MayflyError(
      'conflict',
      `core.hooksPath leads to ${escapeUnseen(dirname(file))}, outside of this repository’s .git: add the line "mayfly scan --staged || exit 1" to the pre-commit hook there`,
    )
  return file
}

function git(args: readonly string[]): string {
  try {
    const said = execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: maxGitMs,
    })
    return said.replace(/\n$/, '')
  } catch (cause) {
    throw new MayflyError(
      'bad_input',
      `this is no Git repository, or git is not installed: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}

/** What is no file is not opened: a pipe would be waited for, and a link leads elsewhere. */
function textOf(file: string): string | undefined {
  const there = lstatSync(file, { throwIfNoEntry: false })
  if (there === undefined) return undefined
  if (there.isFile()) return readText(file, { isFound: true })
  const what = there.isSymbolicLink() ? 'a link' : 'no file'
  throw new MayflyError('conflict', `${escapeUnseen(file)} is ${what}, not Mayfly’s, and stays as it is`)
}

/** One of the repository's files may be a pipe, which Git would wait for. */
const maxGitMs = 60_000

/** The program on the PATH is taken, since it is updated; else the one that wrote this. */
function hookText(): string {
  const program = join(import.meta.dirname, '..', 'bin', 'mayfly')
  const own = existsSync(program) ? `exec ${quoted(program)} scan --staged` : missing
  return `#!/bin/sh\n${mark}\ncommand -v mayfly >/dev/null 2>&1 && exec mayfly scan --staged\n${own}\n`
}

const missing = 'echo "mayfly is not installed, so what is committed cannot be scanned" >&2; exit 2'

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`
}
