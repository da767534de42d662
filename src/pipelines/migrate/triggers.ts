import type { YamlView } from '../read/yaml-view.ts'
import type { TrustRule } from './model.ts'

/** Events by which a stranger starts a job that has the ids of the repository. */
const strangers = new Set([
  'pull_request_target',
  'workflow_run',
  'issue_comment',
  'issues',
  'discussion',
  'discussion_comment',
  'fork',
  'watch',
  'pull_request_review',
  'pull_request_review_comment',
  'repository_dispatch',
])

export interface Triggers {
  readonly rule: TrustRule
  /** Events of the file that the role does not trust. */
  readonly left: readonly string[]
}

/**
 * Who may assume a role that only reads: every event of the file that no stranger starts. Undefined if there is none.
 * `always`: what every alternative asks for.
 */
export function readingTrust(on: YamlView, always: Readonly<Record<string, string>>): Triggers | undefined {
  const events = eventsOf(on)
  const good = events.filter((event) => !strangers.has(event) && event !== call)
  if (good.length === 0) return undefined
  return {
    rule: { all: always, any: good.map((event) => ({ event })) },
    left: events.filter((event) => !good.includes(event)),
  }
}

/** No event: a token of a workflow that another one calls names what started that one. */
const call = 'workflow_call'

/** Nothing starts it but other workflows, and which events those have stands in them. */
export function isOnlyCalled(on: YamlView): boolean {
  const events = eventsOf(on)
  return events.length > 0 && events.every((event) => event === call)
}

/** Who may assume one that writes: a protected branch, or a tag, as the file and the job's own condition name them. */
export function writingTrust(
  on: YamlView,
  always: Readonly<Record<string, string>>,
  condition: string | undefined,
  defaultBranch: string,
): Triggers | undefined {
  const events = eventsOf(on)
  const all = events.flatMap((event) => branchesOf(on, event, defaultBranch))
  const asked = refsAskedFor(condition)
  const push = on.get('push')
  // Without branches or tags of its own a push is any push.
  const isAny = !push.get('branches').isThere && !push.get('tags').isThere
  const any = asked === undefined ? all : all.flatMap((one) => narrowed(one, asked, isAny))
  if (any.length === 0) return undefined
  const trusted = new Set(any.map(({ event }) => event))
  return { rule: { all: always, any }, left: events.filter((event) => !trusted.has(event)) }
}

type Alternative = Readonly<Record<string, string>>

function eventsOf(on: YamlView): string[] {
  return on.isMap ? on.pairs().map(({ key }) => key.value) : on.texts().map(({ value }) => value)
}

function branchesOf(on: YamlView, event: string, defaultBranch: string): Alternative[] {
  const onDefault = [branch(event, defaultBranch)]
  if (event === 'schedule' || event === 'workflow_dispatch') return onDefault
  if (event === 'release') return [{ event, ref: 'refs/tags/*' }]
  if (event === 'merge_group') return []
  if (event !== 'push') return []
  const tags = patterns(on.get(event, 'tags'))
  const branches = patterns(on.get(event, 'branches'))
  const named = [
    ...branches.map((one) => branch(event, one)),
    ...tags.map((one) => ({ event, ref: `refs/tags/${one}` })),
  ]
  return named.length > 0 ? named : onDefault
}

function branch(event: string, name: string): Alternative {
  return { event, ref: `refs/heads/${name}`, ref_protected: 'true' }
}

/** GitHub's patterns as ours: from the first sign that we do not know on, anything. What is left out (`!`) is not put in. */
function patterns(list: YamlView): string[] {
  return list
    .texts()
    .map(({ value }) => value)
    .filter((value) => !value.startsWith('!') && !value.includes('${{'))
    .map((value) => {
      const at = value.search(/[?+[\]*]/)
      return at === -1 ? value : `${value.slice(0, at)}*`
    })
}

/** What a job's condition asks of the ref, if it is a plain conjunction. */
function refsAskedFor(condition: string | undefined): string | undefined {
  if (condition === undefined || /\|\||!\s*(?:startsWith|contains|\()/.test(condition)) return undefined
  const starts = /startsWith\(\s*github\.ref\s*,\s*'(refs\/[^'*]{1,200})'\s*\)/.exec(condition)?.[1]
  if (starts !== undefined) return `${starts}*`
  const is = /github\.ref\s*==\s*'(refs\/[^'*]{1,200})'/.exec(condition)?.[1]
  if (is !== undefined) return is
  return /github\.ref_type\s*==\s*'tag'/.test(condition) ? 'refs/tags/*' : undefined
}

/** The narrower of the two; nothing where they have nothing in common. */
function narrowed(one: Alternative, asked: string, isAny: boolean): Alternative[] {
  const ref = one['ref'] ?? ''
  if (covers(asked, ref)) return [one]
  if (covers(ref, asked)) return [{ ...one, ref: asked }]
  const isAnyPush =
    isAny && one['event'] === 'push' && asked.startsWith('refs/tags/') && ref.startsWith('refs/heads/')
  return isAnyPush ? [{ event: 'push', ref: asked }] : []
}

function covers(pattern: string, ref: string): boolean {
  return pattern.endsWith('*') ? ref.startsWith(pattern.slice(0, -1)) : pattern === ref
}
