import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix, resolve } from 'node:path'
import { promisify } from 'node:util'
import { MayflyError, limits, messageOf } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'
import { trustFilesOf, trustIn, isPolicyFile, misplacedIn, misspeltIn, writeBundle } from '../config/index.ts'
import type { PolicyText } from './policy-text.ts'

/** `REPOSITORY@REF[:PATH]`, taken apart. */
export interface GitSource {
  readonly repository: string
  readonly ref: string
  readonly path: string
}

const timeoutMs = 60_000

/**
 * Takes `REPOSITORY@REF[:PATH]` apart; `defaultPath` without a path. Throws `bad_input` for what git, or a shell behind
 * it, could take for something else: options, `ext::` and other helpers, ref expressions.
 */
export function parseGitSource(text: string, defaultPath = 'mayfly.yaml'): GitSource {
  const parts = /^(?<repository>.+)@(?<ref>[^@:]+)(?::(?<path>[^:]+))?$/.exec(text)?.groups
  const { repository = '', ref = '', path = defaultPath } = parts ?? {}
  if (parts === undefined) throw bad('--git takes REPOSITORY@REF or REPOSITORY@REF:PATH')
  const isUrl = /^(?:https|ssh|file):\/\/[^\s]+$/.test(repository)
  const isScp = /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^:\s][^\s]*$/.test(repository)
  const isFolder = /^(?:\.{0,2}\/)[^\0\r\n]*$/.test(repository)
  if (!isUrl && !isScp && !isFolder)
    throw bad(
      `${withoutCredential(repository)} is no repository: an https://, ssh:// or file:// URL, user@host:path, or a folder (./, /)`,
    )
  // The host of an ssh URL becomes an argument of ssh.
  if (/^ssh:\/\/(?:[^/@]*@)?-/.test(repository)) throw bad(`${repository} names no host`)
  if (!isRefName(ref)) throw bad(`${ref} is no branch, tag or commit`)
  if (path.startsWith('/') || path.startsWith('-') || path.split('/').includes('..') || /[\0\r\n]/.test(path))
    throw bad(`${path} is no path inside a repository`)
  return { repository, ref, path }
}

/** git-check-ref-format(1), and nothing that `git rev-parse` would compute. */
function isRefName(ref: string): boolean {
  const good = /^(?![-+])[A-Za-z0-9._/+-]{1,200}$/.test(ref)
  return good && !/\.\.|\/\/|^\/|\/$|\.$|\.lock(?:\/|$)|(?:^|\/)\./.test(ref)
}

/** Fetches that one commit into a folder of its own and reads the file from it. Throws `bad_input`. */
export async function readFromGit(text: string, defaultPath: string): Promise<PolicyText> {
  const { repository, ref, path } = parseGitSource(text, defaultPath)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-policy-'))
  const git = createGit(folder)
  // Git runs in a folder of its own.
  const remote = /^\.{0,2}\//.test(repository) ? resolve(repository) : repository
  try {
    await git(['init', '--quiet', '--bare', '.'])
    await git(['fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules', '--', remote, ref])
    const commit = (await git(['rev-parse', '--verify', '--end-of-options', 'FETCH_HEAD^{commit}'])).trim()
    const content = await readBundleAt(git, commit, path)
    return { file: path, text: content, source: { repository: withoutCredential(repository), ref, commit } }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError(
      'bad_input',
      `${path} of ${withoutCredential(repository)}@${ref} cannot be read: ${gitSaid(cause)}`,
      {
        cause,
      },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** mayfly.yaml and what stands in `policies/` beside it, as one text. */
async function readBundleAt(
  git: (args: readonly string[]) => Promise<string>,
  commit: string,
  path: string,
): Promise<string> {
  const above = path.includes('/') ? `${path.slice(0, path.lastIndexOf('/'))}/` : ''
  const beside = await git(['ls-tree', '--name-only', '-z', commit, ...(above === '' ? [] : ['--', above])])
  const misspelt = misspeltIn(beside.split('\0').map((name) => name.slice(above.length)))
  if (misspelt !== undefined) throw bad(`${above}${misspelt} would not be read: its name is policies`)
  const [kind] = (await git(['ls-tree', '-z', commit, '--', `${above}policies`])).split('\t')
  if (kind !== '' && kind?.startsWith('040000 tree ') !== true)
    throw bad(`${above}policies is a link or a submodule: its files would not be read, so put them there`)
  const listed = await git(['ls-tree', '-z', commit, '--', `${above}policies/`])
  const files: Record<string, string> = {}
  for (const line of listed.split('\0').filter((one) => one !== '')) {
    const name = line.slice(line.indexOf('\t') + 1 + above.length)
    const problem = misplacedIn(name, /^100(?:644|755) blob [0-9a-f]+\t/.test(line))
    if (problem !== undefined) throw bad(`${name}: ${problem}`)
    if (isPolicyFile(name)) files[name] = await git(['cat-file', 'blob', `${commit}:${above}${name}`])
  }
  const policy = await git(['cat-file', 'blob', `${commit}:${path}`])
  for (const named of trustFilesOf(policy)) {
    const at = posix.normalize(`${above}${named.path}`)
    if (named.path.startsWith('/') || at.startsWith('../'))
      throw bad(`${named.path} (${named.what} of a connection) is no path inside the repository`)
    const found = trustIn(named, Buffer.from(await git(['cat-file', 'blob', `${commit}:${at}`])))
    // What it lacks is said where the policy is compiled.
    files[named.key] = 'text' in found ? found.text : ''
  }
  return writeBundle({ policy, files })
}

function createGit(cwd: string): (args: readonly string[]) => Promise<string> {
  // The repository and its commits are read, never run: no hooks, no transports that are programs, no prompts.
  const safe = [
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'protocol.allow=never',
    'protocol.https.allow=always',
    'protocol.ssh.allow=always',
    'protocol.file.allow=always',
    'fetch.fsckObjects=true',
    'gc.auto=0',
  ].flatMap((setting) => ['-c', setting])
  const env = { ...readEnvironment().variables, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
  for (const name of Object.keys(env)) if (inherited.test(name)) Reflect.deleteProperty(env, name)
  return async (args) => {
    const options = {
      cwd,
      env,
      timeout: timeoutMs,
      maxBuffer: limits.policyBytes + 1024,
      encoding: 'utf8' as const,
    }
    return (await promisify(execFile)('git', [...safe, ...args], options)).stdout
  }
}

/** What would point git at another repository, or have it run something. */
const inherited = /^GIT_(?!SSL_|TERMINAL_PROMPT|SSH|CONFIG_GLOBAL|ASKPASS)/

function withoutCredential(repository: string): string {
  if (!URL.canParse(repository)) return repository
  const url = new URL(repository)
  url.password = ''
  // GitHub takes a token as the user; of ssh the user is a part of the address.
  if (url.protocol !== 'ssh:') url.username = ''
  return url.href
}

function gitSaid(error: unknown): string {
  const said =
    error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : ''
  return said === ''
    ? messageOf(error)
    : said
        .split('\n')
        .join(' ')
        .replaceAll(/\/\/[^/@\s]+@/g, '//')
        .slice(0, 300)
}

function bad(message: string): MayflyError {
  return new MayflyError('bad_input', message)
}
