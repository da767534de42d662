import type { Job, PipelineFile, SecretReference, Span } from '../model.ts'
import { isJobToken, namesFile } from '../read/secret-names.ts'
import { commandAt } from './shell-command.ts'
import type { Found, PipelineRule } from './rule.ts'

export const secretInCommand: PipelineRule = {
  id: 'secret-in-command',
  title: 'A secret is part of a command line, or is printed.',
  why: 'Every process of the machine can read the arguments of every other, `set -x` and error messages show them, and what is printed stays in a log that more people read than may have the secret.',
  fix: 'Hand it over by the environment or standard input (--password-stdin); better, let the gateway add it, so that the step has none.',
  severity: 'warning',
  check: (file) =>
    file.ci === 'jenkins'
      ? interpolated(file, file.jobs)
      : file.secrets.flatMap((secret) => inCommand(file, secret)),
}

function inCommand({ ci, text, jobs }: PipelineFile, secret: SecretReference): Found[] {
  const { name, span, store } = secret
  if (!secret.inCommand || store === 'all') return []
  const isExpanded = ci === 'github' || ci === 'forgejo' || ci === 'azure'
  const { word, isPrinted, isAssigned } = commandAt(text, span, scriptOf(jobs, secret))
  if (isPrinted)
    return [
      {
        span,
        message: `${name} is printed by ${word}: the CI’s masking is all that keeps it out of the log`,
      },
    ]
  // The CI writes the value into the script before the shell sees it.
  if (
    isExpanded &&
    !text.slice(span.start, span.end).startsWith('$env') &&
    !/^\$[A-Za-z{]/.test(text.slice(span.start, span.end))
  )
    return [
      {
        span,
        message: `the value of ${name} is written into the script itself: a quote in it ends the command, and it is on the command line`,
        fix: `Hand it over by env: (${name}: ...), and write "$${name}" in the script; better, let the gateway add it.`,
        ...(isJobToken(ci, name) ? { severity: 'note' as const } : {}),
      },
    ]
  if (word === undefined || isAssigned || isJobToken(ci, name) || namesFile(name)) return []
  return [
    { span, message: `${word} is given ${name} as an argument, which every process of the machine can read` },
  ]
}

/** The command that the secret stands in. */
function scriptOf(jobs: readonly Job[], { job, step = 0, span }: SecretReference): Span {
  const commands = jobs.find(({ id }) => id === job)?.steps[step]?.commands ?? []
  return (
    commands.find((one) => one.span.start <= span.start && span.end <= one.span.end)?.span ?? {
      start: 0,
      end: 0,
    }
  )
}

const variable = /\$\{?(?:env\.)?([A-Za-z_]\w{0,199})/g

/** Of Jenkins: Groovy puts the value of a credential into a string in double quotes before the shell begins. */
function interpolated({ text, secrets }: PipelineFile, jobs: readonly Job[]): Found[] {
  const targets = new Set(secrets.flatMap(({ target }) => (target === undefined ? [] : [target])))
  const commands = jobs.flatMap(({ steps }) => steps.flatMap((step) => step.commands))
  return commands.flatMap(({ value, span }): Found[] => {
    const names = [...value.matchAll(variable)].flatMap(([, name]) => (name === undefined ? [] : [name]))
    const used = names.find((name) => targets.has(name))
    if (used === undefined) return []
    if (!text.startsWith('"', span.start)) return asArgument(text, span, used)
    return [
      {
        span,
        message: `Groovy writes the value of ${used} into the command: it is on the command line`,
        fix: 'Write the command in single quotes, so that the shell reads the variable; better, let the gateway add the credential.',
      },
    ]
  })
}

/** In single quotes the shell reads the variable, and hands its value to the program. */
function asArgument(text: string, span: Span, name: string): Found[] {
  const at = text.indexOf(name, span.start)
  const place = { start: at, end: at + name.length }
  if (at === -1 || place.end > span.end) return []
  const { word, isAssigned } = commandAt(text, place, span)
  if (word === undefined || isAssigned) return []
  return [
    {
      span: place,
      message: `${word} is given ${name} as an argument, which every process of the machine can read`,
    },
  ]
}
