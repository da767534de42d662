import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { MayflyError, escapeUnseen, messageOf } from '../../lib/index.ts'
import { readBaseline, writeWhole } from '../../scan/findings/index.ts'
import { exitCodes, print } from '../output.ts'
import { readText } from '../text-file.ts'

const mark =
  '# mayfly scan hook: written by "mayfly scan hook install", taken away by "mayfly scan hook remove"'

/** What each commit is scanned with. Files are named from the top of the repository, where Git runs hooks. */
export interface HookOptions {
  readonly rules?: string
  readonly gitleaksConfig?: readonly string[]
  readonly baseline?: string
  readonly failOn?: string
}

/** Writes `.git/hooks/pre-commit`, or says what to do where there is one. Throws `bad_input` for a file that is not there: each commit would be refused. */
export async function installHook(options: HookOptions): Promise<number> {
  const args = ['scan', '--staged', ...(await argsOf(options))].map(quoted).join(' ')
  const file = hookFile(args)
  const before = textOf(file)
  if (before !== undefined && !before.includes(mark))
    throw new MayflyError(
      'conflict',
      `${escapeUnseen(file)} is another hook, and stays as it is: ${addTo(args)} to it`,
    )
  mkdirSync(dirname(file), { recursive: true })
  writeWhole(file, hookText(args))
  chmodSync(file, 0o755)
  print(false, {}, [
    `${escapeUnseen(file)}: a commit that adds a secret is refused; git commit --no-verify goes without`,
  ])
  return exitCodes.ok
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

/** Each file is read once now: what is wrong in one would refuse every commit. */
async function argsOf({ rules, gitleaksConfig = [], baseline, failOn }: HookOptions): Promise<string[]> {
  const top = git(['rev-parse', '--show-toplevel'])
  const inTop = (file: string) => resolve(top, file)
  if (rules !== undefined || gitleaksConfig.length > 0) {
    const { readRuleFiles } = await import('./rule-files.ts')
    const own = rules === undefined ? undefined : { file: inTop(rules), isFound: false }
    readRuleFiles(own, gitleaksConfig.map(inTop), Date.now())
  }
  if (baseline !== undefined) readBaseline(inTop(baseline))
  return [
    ...(rules === undefined ? [] : ['--rules', rules]),
    ...gitleaksConfig.flatMap((file) => ['--gitleaks-config', file]),
    ...(baseline === undefined ? [] : ['--baseline', baseline]),
    ...(failOn === undefined ? [] : ['--fail-on', failOn]),
  ]
}

function addTo(args: string): string {
  return `add the line "mayfly ${args} || exit 1"`
}

/** Refused where it would be the hook of other repositories, too. */
function hookFile(args = 'scan --staged'): string {
  const file = resolve(git(['rev-parse', '--git-path', 'hooks/pre-commit']))
  const folder = realpathSync(git(['rev-parse', '--git-common-dir']))
  const existing = [dirname(file), dirname(dirname(file))].find((path) => existsSync(path)) ?? '/'
  if (!`${realpathSync(existing)}${sep}`.startsWith(`${folder}${sep}`))
    throw new MayflyError(
      'conflict',
      `core.hooksPath leads to ${escapeUnseen(dirname(file))}, outside of this repository’s .git: ${addTo(args)} to the pre-commit hook there`,
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
function hookText(args: string): string {
  const program = join(import.meta.dirname, '..', 'bin', 'mayfly')
  const own = existsSync(program) ? `exec ${quoted(program)} ${args}` : missing
  return `#!/bin/sh\n${mark}\ncommand -v mayfly >/dev/null 2>&1 && exec mayfly ${args}\n${own}\n`
}

const missing = 'echo "mayfly is not installed, so what is committed cannot be scanned" >&2; exit 2'

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
