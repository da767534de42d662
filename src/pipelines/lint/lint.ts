import type { PipelineFile, Span } from '../model.ts'
import { createPositions } from '../read/position.ts'
import type { Checkout } from '../read/read-checkout.ts'
import { secretInCommand } from './commands.ts'
import type { PipelineFinding } from './finding.ts'
import { forkSecrets, selfHostedFork } from './forks.ts'
import { allSecrets, externalSecret, longLivedSecret, secretSet, staticCloudKey } from './long-lived.ts'
import { broadPermissions, idleIdentityToken } from './permissions.ts'
import type { Found, PipelineRule, RuleAbout } from './rule.ts'
import { unpinned } from './unpinned.ts'

const rules: readonly PipelineRule[] = [
  staticCloudKey,
  longLivedSecret,
  secretSet,
  allSecrets,
  externalSecret,
  secretInCommand,
  forkSecrets,
  selfHostedFork,
  broadPermissions,
  idleIdentityToken,
  unpinned,
]

const unread: RuleAbout = {
  id: 'unread',
  title: 'A pipeline file, or a part of it, was not read.',
  why: 'What was not read may hold anything: nothing about it is said here.',
  fix: 'Mend the file, or look at it by hand.',
  severity: 'error',
}

const literalSecret: RuleAbout = {
  id: 'literal-secret',
  title: 'A secret stands in a pipeline file.',
  why: 'Everybody who may read the repository, or a fork of it, has it, and its history keeps it.',
  fix: 'Revoke it, then take it out; a connection of Mayfly keeps its successor.',
  severity: 'error',
}

export const pipelineRules: readonly RuleAbout[] = [...rules, literalSecret, unread]

/** A secret written into a file, as a scanner of secrets tells of it. */
export type FindLiterals = (
  file: PipelineFile,
) => readonly { readonly span: Span; readonly message: string }[]

/** Everything that our own rules find, each at every place where it stands. */
export function findMistakes(
  { files, unread: missed }: Checkout,
  findLiterals?: FindLiterals,
): PipelineFinding[] {
  return [
    ...files.flatMap((file) => {
      const place = placer(file)
      return [
        ...rules.flatMap((rule) => rule.check(file).map((found) => place(rule, found))),
        ...(findLiterals?.(file) ?? []).map((found) => place(literalSecret, found)),
        ...file.problems.map(({ message, span, isUnclear }) =>
          place(unread, { message, span, severity: isUnclear === true ? 'note' : 'error' }),
        ),
      ]
    }),
    ...missed.map(({ path, why, isMissing }) => unreadFile(path, why, isMissing)),
  ]
}

function placer(file: PipelineFile): (rule: RuleAbout, found: Found) => PipelineFinding {
  const at = createPositions(file.text)
  return (rule, { span, message, severity, fix, replacement }) => {
    const [start, end] = [at(span.start), at(Math.max(span.start, span.end))]
    return {
      tool: 'mayfly',
      rule,
      severity: severity ?? rule.severity,
      message,
      fix: fix ?? rule.fix,
      file: file.path,
      ...start,
      endLine: end.line,
      endColumn: end.column,
      others: [],
      also: [],
      ...(replacement === undefined ? {} : { replacement }),
    }
  }
}

function unreadFile(path: string, why: string, isMissing: boolean): PipelineFinding {
  return {
    tool: 'mayfly',
    rule: unread,
    severity: isMissing ? 'note' : 'error',
    message: `not read: ${why}`,
    fix: unread.fix,
    file: path,
    line: 1,
    column: 1,
    endLine: 1,
    endColumn: 1,
    others: [],
    also: [],
  }
}
