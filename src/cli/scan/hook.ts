import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { MayflyError, escapeUnseen, messageOf } from '../../lib/index.ts'
import { readBaseline, writeWhole } from '../../scan/findings/index.ts'
import { exitCodes, print } from '../output.ts'
import { readText } from '../text-file.ts'

const mark =
  '# mayfly scan hook: written by "mayfly scan hook install", taken away by "mayfly scan hook remove"'

/** What is scanned with what. Files are named from the top of the repository, where Git runs hooks. */
export interface HookOptions {
  readonly rules?: string
  readonly gitleaksConfig?: readonly string[]
  readonly baseline?: string
  readonly failOn?: string
  readonly prePush?: boolean
}

interface Hook {
  readonly name: 'pre-commit' | 'pre-merge-commit' | 'pre-push'
  /** As the shell reads it. */
  readonly command: string
}

function hooksOf(options: string, { prePush = false }: HookOptions): readonly [Hook, ...Hook[]] {
  const staged = `scan --staged${options}`
  return [
    { name: 'pre-commit', command: staged },
    // Git runs it, and not pre-commit, for a merge that meets no conflict (githooks(5)).
    { name: 'pre-merge-commit', command: staged },
    ...(prePush ? [{ name: 'pre-push', command: `scan --pushed="$1"${options}` } as const] : []),
  ]
}

/**
 * Writes hooks, or says what to do where there is one of somebody else's: none is written if pre-commit is. Throws `bad_input` for a file that
 * is not there: each commit would be refused.
 */
export async function installHook(options: HookOptions): Promise<number> {
  const args = (await argsOf(options)).map((word) => ` ${quoted(word)}`).join('')
  const hooks = hooksOf(args, options)
  const others: string[] = []
  for (const hook of hooks) {
    const file = hookFile(hook)
    const before = textOf(file)
    if (before !== undefined && !before.includes(mark)) {
      others.push(
        `${escapeUnseen(file)} is another hook, and stays as it is: ${addTo(hook)} to ${editedFor(before)}`,
      )
      if (hook.name === 'pre-commit') break
      continue
    }
    mkdirSync(dirname(file), { recursive: true })
    writeWhole(file, hookText(hook.command))
    chmodSync(file, 0o755)
    print(false, {}, [`${escapeUnseen(file)}: ${whatIsRefused[hook.name]}`])
  }
  if (others.length > 0) throw new MayflyError('conflict', others.join('; '))
  print(false, {}, [
    options.prePush === true
      ? 'cherry-pick, rebase and am run no hook before a commit: what they bring is looked at when it is pushed'
      : 'cherry-pick, rebase and am run neither: --pre-push looks at what is pushed, mayfly scan --since at what a branch brings',
  ])
  return exitCodes.ok
}

const whatIsRefused = {
  'pre-commit': 'a commit that adds a secret is refused; git commit --no-verify goes without',
  'pre-merge-commit': 'so is a merge; git merge --no-verify goes without',
  'pre-push': 'a push that brings a secret is refused; git push --no-verify goes without',
}

/** Takes them away, those that are ours. */
export function removeHook(): Promise<number> {
  const [first, ...others] = hooksOf('', { prePush: true })
  for (const hook of others) {
    const file = hookFile(hook)
    if (
      lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true ||
      textOf(file)?.includes(mark) !== true
    )
      continue
    rmSync(file)
    print(false, {}, [`${escapeUnseen(file)} is gone`])
  }
  const file = hookFile(first)
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

function addTo({ command }: Hook): string {
  return `add the line "mayfly ${command} || exit 1"`
}

/** Some hooks are written anew by the program that wrote them: what people edit is another file. */
function editedFor(text: string): string {
  if (text.includes('File generated by pre-commit'))
    return 'none of it, but the hook mayfly-scan to .pre-commit-config.yaml (docs/scan.md)'
  return /lefthook/i.test(text) ? 'lefthook.yml, as a command of this hook' : 'it'
}

/** Refused where it would be the hook of other repositories, too. */
function hookFile(hook: Hook): string {
  const file = resolve(git(['rev-parse', '--git-path', `hooks/${hook.name}`]))
  const folder = realpathSync(git(['rev-parse', '--git-common-dir']))
  const existing = [dirname(file), dirname(dirname(file))].find((path) => existsSync(path)) ?? '/'
  if (`${realpathSync(existing)}${sep}`.startsWith(`${folder}${sep}`)) return file
  throw new MayflyError(
    'conflict',
    `core.hooksPath leads to ${escapeUnseen(dirname(file))}, outside of this repository’s .git: ${addTo(hook)} to ${escapeUnseen(editedFile(file))}`,
  )
}

/** husky writes its folder `_` at each `npm install`, and runs from there the hooks that stand beside it (typicode/husky, index.js). */
function editedFile(file: string): string {
  const folder = dirname(file)
  const isHusky = basename(folder) === '_' && ['h', 'husky.sh'].some((name) => existsSync(join(folder, name)))
  return isHusky ? join(dirname(folder), basename(file)) : file
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
function hookText(command: string): string {
  const program = join(import.meta.dirname, '..', 'bin', 'mayfly')
  const own = existsSync(program) ? `exec ${quoted(program)} ${command}` : missing
  return `#!/bin/sh\n${mark}\ncommand -v mayfly >/dev/null 2>&1 && exec mayfly ${command}\n${own}\n`
}

const missing = 'echo "mayfly is not installed, so what is committed cannot be scanned" >&2; exit 2'

function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
