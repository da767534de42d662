import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { MayflyError, escapeUnseen, systemCode } from '../../lib/index.ts'
import { environmentOf, settingsOf, type GitPlace } from './git-settings.ts'

export type { GitPlace } from './git-settings.ts'

const maxSaidBytes = 4_096
/** The history of a large repository is gone through before the first line is printed. */
const usualSilentMs = 600_000

export interface RunningGit {
  /** What it prints. Throws `bad_input` with what Git said if it fails. */
  readonly output: AsyncIterable<Buffer>
  /** What it said on standard error so far. */
  said(): string
  /** Resolves when there is room for more. */
  write(input: string): Promise<void>
  end(): void
  stop(): void
}

export function startGit(place: GitPlace, args: readonly string[]): RunningGit {
  const child = spawn('git', [...settingsOf(place), ...args], {
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
  const silence = createSilence(place.maxSilentMs ?? usualSilentMs, (seconds) => {
    said = `it said nothing for ${seconds} s: one of its files (.git/config, .git/info, .gitignore) may be a pipe`
    child.kill()
  })
  void ended.then(silence.end)

  async function* output(): AsyncGenerator<Buffer> {
    let isDone = false
    try {
      silence.is('awaited', true)
      for await (const chunk of child.stdout) {
        silence.is('awaited', false)
        yield chunk as Buffer
        silence.is('awaited', true)
      }
      isDone = true
    } finally {
      if (!isDone) child.kill()
    }
    const end = await ended
    if (end !== 0) throw failed(place, end, said)
  }

  return {
    output: output(),
    said: () => said,
    async write(input) {
      if (child.stdin.write(input) || child.stdin.destroyed) return
      silence.is('asked', true)
      await Promise.race([once(child.stdin, 'drain'), ended])
      silence.is('asked', false)
    },
    end() {
      silence.is('asked', true)
      child.stdin.end()
    },
    stop: () => void child.kill(),
  }
}

/**
 * A program that waits for what never comes, as for who writes to a pipe, waits for ever. It counts only while it has work to do (`asked`), and
 * somebody waits for what it prints (`awaited`).
 */
function createSilence(maxMs: number, tooLong: (seconds: number) => void) {
  const now = { asked: false, awaited: false }
  let since = performance.now()
  const timer = setInterval(() => {
    if (!now.asked || !now.awaited) since = performance.now()
    else if (performance.now() - since > maxMs) tooLong(maxMs / 1_000)
  }, maxMs / 8)
  return {
    is(what: keyof typeof now, value: boolean): void {
      now[what] = value
      since = performance.now()
    },
    end: () => clearInterval(timer),
  }
}

const linesAtOnce = 1_000

/**
 * What Git prints with this byte behind each, once it has read its input. Throws `bad_input` with what it said. What it could not read and passed
 * over, it says to `passedOver`.
 */
export async function* gitRecords(
  place: GitPlace,
  args: readonly string[],
  end = 0,
  input: readonly string[] = [],
  passedOver: (what: string) => void = () => {},
): AsyncGenerator<string> {
  const running = startGit(place, args)
  const asking = ask(running, input)
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
  await asking
  if (rest.length > 0) yield rest.toString('utf8')
  for (const line of new Set(running.said().split('\n'))) if (isPassedOver.test(line)) passedOver(shown(line))
}

/** Objects, packs or borrowed folders that it cannot use (`error`), and what names an object that is not there; Git goes on, and ends well. */
const isPassedOver = /^error: |^warning: (?:ignoring (?:broken|dangling)|no corresponding)/

async function ask(running: RunningGit, input: readonly string[]): Promise<void> {
  for (let at = 0; at < input.length; at += linesAtOnce)
    await running.write(input.slice(at, at + linesAtOnce).join(''))
  running.end()
}

/** What Git prints has a form, and nothing is passed over that has another: it could be a file that nobody would look at then. */
export function notUnderstood({ folder }: GitPlace, printed: string): MayflyError {
  const why = `git printed what is not understood (${JSON.stringify(shown(printed))}): is it another program?`
  return new MayflyError('bad_input', `${shown(folder)} cannot be scanned: ${why}`)
}

function failed({ folder }: GitPlace, end: number | string, said: string): MayflyError {
  if (end === 'ENOENT')
    return new MayflyError('bad_input', `${shown(folder)} is not there, or git is not installed`)
  // What `git diff` says outside of a repository is about something else.
  if (said.includes('--no-index'))
    return new MayflyError('bad_input', `${shown(folder)} is not in a Git repository`)
  const why = shown(said.trim().split('\n').slice(0, 3).join(' ')) || `it ended with ${end}`
  const isGone = /invalid revision range|unknown revision|bad (?:object (?!HEAD|refs\/)|revision)/i.test(said)
  const hint = isGone
    ? '; if it is not misspelt, the checkout is of too little depth to have it: run `git fetch --unshallow`, or check out with fetch-depth: 0'
    : ''
  return new MayflyError('bad_input', `git cannot read ${shown(folder)}: ${why}${hint}`)
}

const shown = (text: string) => escapeUnseen(text.slice(0, 300))
