import type { Project } from '../model.ts'
import { standIn } from '../model.ts'
import type { ScriptPlan } from './script-plan.ts'

export interface RunBy {
  readonly role: string
  readonly workspace: 'job' | 'shared' | 'checkout'
  readonly plan: Pick<ScriptPlan, 'named' | 'stands'>
  readonly server: Project['server']
  /** What runs the script, as the CI would: `bash -e`. Empty: Mayfly's own way is the CI's. */
  readonly shell: string
  /** How the CI has `<<` written: CircleCI takes it for the start of a parameter otherwise. */
  readonly heredoc?: string
}

/** `mayfly run ...` without what it runs. */
export function runCommand({ role, workspace, plan, server }: RunBy): string {
  return [
    'mayfly run',
    `--server ${server}`,
    `--role ${role}`,
    ...plan.named.map((name) => `-e ${name}`),
    ...(workspace === 'shared' ? ['--shared-workspace'] : workspace === 'checkout' ? ['--checkout'] : []),
  ].join(' ')
}

/**
 * What stands before and behind a script so that Mayfly runs it: the lines between reach `mayfly run` as they are, and the shell
 * of the CI works nothing out in them (POSIX.1-2017, Shell Command Language, 2.7.4: a quoted delimiter).
 */
export function aroundScript(
  by: RunBy,
  script: string,
): { readonly before: readonly string[]; readonly after: string } {
  const lines = new Set(script.split(/\r?\n/))
  let word = 'MAYFLY'
  while (lines.has(word)) word += '_'
  return {
    before: [
      `${runCommand(by)} --script /dev/stdin${by.shell === '' ? '' : ` -- ${by.shell}`} ${by.heredoc ?? '<<'}'${word}'`,
      ...by.plan.stands.map((name) => `export ${name}=${standIn}`),
    ],
    after: word,
  }
}

const plainWord = /^[\w@%+=:,./-]+$/
/** Builtins and reserved words of a shell: `mayfly run -- cd x` would change nothing. */
const ofTheShell =
  /^(?:\.|:|\[|alias|bg|break|case|cd|continue|do|done|elif|else|esac|eval|exec|exit|export|false|fg|fi|for|function|getopts|hash|if|in|jobs|local|read|readonly|return|select|set|shift|source|test|then|time|times|trap|true|type|ulimit|umask|unset|until|wait|while|declare|typeset|shopt|pushd|popd)$/

/** A command that is words alone: no shell is needed to run it. */
export function isPlainCommand(text: string): boolean {
  const words = text.split(' ')
  const [program = ''] = words
  return words.every((word) => plainWord.test(word)) && !ofTheShell.test(program) && !program.includes('=')
}

/** What is to be known of variables that a step does not get although the file has their values. */
export function withheldNotes({ withheld }: Pick<ScriptPlan, 'withheld'>): string[] {
  return withheld.length === 0
    ? []
    : [
        `what Mayfly runs does not have ${withheld.join(', ')}, by the name a secret: where it is none (a database of a test), say it in the script, or call it otherwise`,
      ]
}

/** What is to be known of a job that has services: a step in Mayfly reaches none by itself. */
export const serviceNote =
  'it has services: what Mayfly runs reaches one only if its role allows that, and `mayfly run --service PORT` asks for it (docs/cli.md)'
