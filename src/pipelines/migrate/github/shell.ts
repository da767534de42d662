import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { indentTo, lineBreak } from '../lines.ts'
import { isFlow } from '../take-out.ts'

/** How the CI would run a step's script. `bash -e`: a shell with options of the workflow's own. */
export type Shell = 'unsaid' | 'bash' | 'sh' | 'login' | 'other' | `${'bash' | 'sh'} ${string}`

/** The shell of a step: its own, the job's, the workflow's. */
export function shellOf(root: YamlView, job: YamlView, step: YamlView): Shell {
  const said =
    step.get('shell').value ??
    job.get('defaults', 'run', 'shell').value ??
    root.get('defaults', 'run', 'shell').value
  if (said === undefined) return 'unsaid'
  return said === 'bash' || said === 'sh' ? said : ownShell(said)
}

/** `bash -euo pipefail {0}`: options that say how it runs, and none that takes commands from elsewhere (`-c`, `-s`). */
function ownShell(said: string): Shell {
  const words = said.trim().split(/ +/)
  const [program, ...options] = words.slice(0, -1)
  if ((program !== 'bash' && program !== 'sh') || words.at(-1) !== '{0}') return 'other'
  if (options.some((one) => one === '--login' || /^-[a-z]*[li]/.test(one))) return 'login'
  const isKnown = options.every((one) =>
    /^(?:--noprofile|--norc|--posix|-[abefhmuvxBCEHPTo]{1,8}|pipefail|errexit|nounset|xtrace)$/.test(one),
  )
  if (!isKnown) return 'other'
  return options.length === 0 ? `${program} ` : `${program} ${options.join(' ')}`
}

/** Who runs the script in Mayfly: as the CI would, so that it fails where it failed. `bash`: Mayfly's own way is the CI's. */
const programs: Readonly<Partial<Record<Shell, string>>> = {
  unsaid: ' -- bash -e',
  bash: '',
  sh: ' -- sh -e',
}

export interface RunBy {
  readonly role: string
  readonly variables: readonly string[]
  readonly workspace: 'job' | 'shared' | 'checkout'
  readonly shell: Exclude<Shell, 'other' | 'login'>
}

/**
 * The script stays as it is: the step's `shell` becomes Mayfly, which gets the file that GitHub writes the script to as `{0}`
 * (docs.github.com, "jobs.<job_id>.steps[*].shell", custom shell).
 */
export function runByMayfly(text: string, step: YamlView, by: RunBy): Edit | undefined {
  const run = step.pair('run')
  if (run === undefined || run.isMerged) return undefined
  const options = [
    `--role ${by.role}`,
    ...by.variables.map((name) => `-e ${name}`),
    ...(by.workspace === 'shared'
      ? ['--shared-workspace']
      : by.workspace === 'checkout'
        ? ['--checkout']
        : []),
  ]
  const command = `mayfly run ${options.join(' ')} --script {0}${programs[by.shell] ?? ` -- ${by.shell.trim()}`}`
  const reason = `runs isolated, in role ${by.role}`
  const own = step.pair('shell')
  if (own !== undefined)
    return own.isMerged ? undefined : { ...own.value.span, text: quoted(text, step, command), reason }
  const at = run.span.start
  const line = `shell: ${quoted(text, step, command)}`
  if (isFlow(text, step)) return { start: at, end: at, text: `${line}, `, reason }
  return { start: at, end: at, text: `${line}${lineBreak(text)}${indentTo(text, at)}`, reason }
}

function quoted(text: string, step: YamlView, command: string): string {
  return isFlow(text, step) ? `"${command}"` : command
}
