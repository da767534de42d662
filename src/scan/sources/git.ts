import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MayflyError, escapeUnseen, systemCode } from '../../lib/index.ts'

/** A repository, or any folder in its work tree. */
export interface GitPlace {
  readonly folder: string
  /** The environment in which Git runs. What of it would lead Git elsewhere is left out. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A hook of this repository asks: Git's variables say which index is committed, and where objects lie that are not accepted yet. */
  readonly isInHook?: boolean
}

/**
 * What is set here no repository sets: it may be anybody's (`safe.directory`), so nothing of it is run. Git would start programs that its
 * configuration names: to watch files, to check signatures, to page.
 */
const settings = [
  ...['safe.directory=*', 'core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.pager=cat'],
  ...['protocol.allow=never', 'log.showSignature=false', 'log.mailmap=false', 'log.follow=false'],
  // It may say of a commit what is not so: other parents, by which others are left out.
  'core.commitGraph=false',
  'advice.graftFileDeprecated=false',
  'i18n.logOutputEncoding=UTF-8',
  // Otherwise it maps packs of gigabytes.
  ...['core.packedGitLimit=64m', 'core.packedGitWindowSize=4m'],
].flatMap((setting) => ['-c', setting])

/** What a user says of all repositories. */
const ofUser = /^GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)$/
const ofHook =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|QUARANTINE_PATH|PREFIX)$/

function environmentOf({ env, isInHook = false }: GitPlace): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !name.startsWith('GIT_') || ofUser.test(name) || (isInHook && ofHook.test(name)),
  )
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    // A clone without its blobs would ask its server for them, one by one.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: '',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    // Objects are looked at as they are, not as others that stand in their place.
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
  }
}

const maxSaidBytes = 4_096

export interface RunningGit {
  /** What it prints. Throws `bad_input` with what Git said if it fails. */
  readonly output: AsyncIterable<Buffer>
  /** Resolves when there is room for more. */
  write(input: string): Promise<void>
  end(): void
  stop(): void
}

export function startGit(place: GitPlace, args: readonly string[]): RunningGit {
  const child = spawn('git', [...settings, ...args], {
    cwd: place.folder,
    env: environmentOf(place),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(systemCode(error) ?? 'failed'))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'failed'))
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, maxSaidBytes)
  })
  // It ended before it had read all: how it ended is told by its output.
  child.stdin.on('error', () => {})

  async function* output(): AsyncGenerator<Buffer> {
    let isDone = false
    try {
      for await (const chunk of child.stdout) yield chunk as Buffer
      isDone = true
    } finally {
      if (!isDone) child.kill()
    }
    const end = await ended
    if (end !== 0) throw failed(place, end, said)
  }

  return {
    output: output(),
    async write(input) {
      if (!child.stdin.write(input) && !child.stdin.destroyed)
        await Promise.race([once(child.stdin, 'drain'), ended])
    },
    end: () => void child.stdin.end(),
    stop: () => void child.kill(),
  }
}

const linesAtOnce = 1_000

/** What Git prints with this byte behind each, once it has read its input. Throws `bad_input` with what it said. */
export async function* gitRecords(
  place: GitPlace,
  args: readonly string[],
  end = 0,
  input: readonly string[] = [],
): AsyncGenerator<string> {
  const running = startGit(place, args)
  for (let at = 0; at < input.length; at += linesAtOnce)
    await running.write(input.slice(at, at + linesAtOnce).join(''))
  running.end()
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of running.output) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (let next = all.indexOf(end, at); next !== -1; next = all.indexOf(end, at)) {
      yield all.toString('utf8', at, next)
      at = next + 1
    }
    rest = all.subarray(at)
  }
  if (rest.length > 0) yield rest.toString('utf8')
}

function failed({ folder }: GitPlace, end: number | string, said: string): MayflyError {
  if (end === 'ENOENT')
    return new MayflyError('bad_input', `${shown(folder)} is not there, or git is not installed`)
  // What `git diff` says outside of a repository is about something else.
  if (said.includes('--no-index'))
    return new MayflyError('bad_input', `${shown(folder)} is not in a Git repository`)
  const why = shown(said.trim().split('\n').slice(0, 3).join(' ')) || `it ended with ${end}`
  return new MayflyError('bad_input', `git cannot read ${shown(folder)}: ${why}`)
}

const shown = (text: string) => escapeUnseen(text.slice(0, 300))
