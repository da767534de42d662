import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import { isHarmless } from './harmless-settings.ts'
import { readInside } from './inside.ts'
import { everywhere, lookThrough, plainPath } from './repositories.ts'

const maxConfigBytes = 1_048_576
/** Each is read by a process of its own. */
const maxConfigs = 300

/**
 * Throws `bad_input` if a repository of this workspace names programs that Git would run in a role that writes: whoever wrote there
 * before would run with its rights. Read by Git itself, which reads it later: another reader may see something else in the same text.
 */
export function refuseForeignPrograms(workspace: string): void {
  const { repositories, unseen } = lookThrough(workspace, everywhere)
  if (unseen !== undefined)
    throw refusal(
      workspace,
      `it is too large to look for repositories in all of it (${shown(unseen)} was not looked into)`,
    )
  const configs = repositories.flatMap((folder) => [join(folder, 'config'), join(folder, 'config.worktree')])
  const seen = new Set<string>()
  for (const path of configs) {
    const plain = plainPath(workspace, path)
    if (plain === undefined || seen.has(plain)) continue
    seen.add(plain)
    if (seen.size > maxConfigs) throw refusal(workspace, 'it has too many configurations of Git to read')
    for (const { key, value } of settingsOf(workspace, plain)) {
      if (/^include(?:if\..*)?\.path$/.test(key)) {
        const inside = includedBy(workspace, plain, value)
        if (inside !== undefined) configs.push(inside)
      } else if (!isHarmless(key, value))
        throw refusal(
          workspace,
          `${shown(plain)} sets ${shown(key)}, by which Git may run a program, or leave for a folder of this workspace: remove it (git config --file ${shown(plain)} --unset-all ${shown(key)})`,
        )
    }
  }
}

/** Git lowers the first and last part of a key; the middle one is as it stands. */
function settingsOf(workspace: string, path: string): { key: string; value: string }[] {
  const text = readInside(workspace, path, maxConfigBytes)
  const git = ['/usr/bin/git', '/usr/local/bin/git'].find((program) => existsSync(program))
  if (git === undefined)
    throw refusal(workspace, 'there is no /usr/bin/git on this machine to read what is in its repositories')
  const read = spawnSync(git, ['config', '--file', '-', '--no-includes', '--null', '--list'], {
    input: text ?? '',
    cwd: '/',
    env: { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: 10_000,
    killSignal: 'SIGKILL',
    maxBuffer: 4 * maxConfigBytes,
  })
  if (text === undefined || read.status !== 0)
    throw refusal(workspace, `Git cannot read ${shown(path)}: mend it`)
  return read.stdout
    .split('\0')
    .filter((one) => one !== '')
    .map((one) => {
      const end = one.indexOf('\n')
      // No value at all is `true`.
      return end === -1 ? { key: one, value: 'true' } : { key: one.slice(0, end), value: one.slice(end + 1) }
    })
}

/** What is outside, and in a home, the step does not see. */
function includedBy(workspace: string, config: string, value: string): string | undefined {
  const path = relative(workspace, isAbsolute(value) ? value : join(workspace, dirname(config), value))
  return path === '' || path.startsWith('..') || value.startsWith('~') ? undefined : path
}

function refusal(workspace: string, why: string): MayflyError {
  return new MayflyError(
    'bad_input',
    `a role that writes does not run in the shared workspace ${workspace}, where other steps have written: ${why}, or leave \`workspace: shared\` out`,
  )
}

/** A step chose it; a line break in it would be a line of ours. */
function shown(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
