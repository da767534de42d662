import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { indentTo, lineBreak, lineEnd, lineStart } from '../lines.ts'
import { isFlow } from '../take-out.ts'

const reason = 'the job’s identity token is the only key that it needs (id-token: write)'

/** https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#permissions */
const scopes =
  'actions attestations checks contents deployments discussions issues models packages pages pull-requests security-events statuses'.split(
    ' ',
  )

/** What a job has where the repository's default is the restricted one. */
const usual = ['contents: read', 'packages: read']

export interface PermissionEdit {
  readonly edits: readonly Edit[]
  /** The job had what the repository's settings say, which this file does not show. */
  readonly wasDefault: boolean
  /** Its own token may read the repository, and could not before. */
  readonly readsNow: boolean
}

/**
 * `id-token: write` for one job, beside all that it had: a job that names permissions loses those that it does not name. `needed`: what
 * its own token is used for. `reads`: it checks the repository out by its own token from now on.
 */
export function withIdToken(
  text: string,
  root: YamlView,
  job: YamlView,
  needed: readonly string[] = [],
  reads = false,
): PermissionEdit {
  const own = job.get('permissions')
  const pair = job.pair('permissions')
  const above = root.get('permissions')
  const isThere = pair !== undefined || root.pair('permissions') !== undefined
  const said = pair === undefined ? above : own
  const isAll = said.value === 'write-all'
  const lacksToken = !isAll && said.get('id-token').value !== 'write'
  const lacksRead =
    reads &&
    isThere &&
    !isAll &&
    said.value !== 'read-all' &&
    !/^(?:read|write)$/.test(said.get('contents').value ?? '')
  const about = { wasDefault: !isThere, readsNow: lacksRead }
  if (!lacksToken && !lacksRead) return { edits: [], wasDefault: false, readsNow: false }
  const lacking = [...(lacksRead ? ['contents: read'] : []), ...(lacksToken ? ['id-token: write'] : [])]
  if (pair !== undefined) return { ...about, edits: added(text, own, pair.key.span.end, lacking) }
  const inherited = !isThere
    ? [...new Set([...usual, ...needed])]
    : above.isMap
      ? above.pairs().map(({ key, value }) => `${key.value}: ${value.value ?? 'none'}`)
      : above.value === 'read-all'
        ? scopes.map((scope) => `${scope}: read`)
        : []
  const all = lacksRead
    ? ['contents: read', ...inherited.filter((one) => !one.startsWith('contents:'))]
    : inherited
  return { ...about, edits: [block(text, job, widest(all))] }
}

/** Of one scope that is there twice the one that writes. */
function widest(entries: readonly string[]): string[] {
  const writes = entries.filter((entry) => entry.endsWith(': write')).map((entry) => entry.split(':')[0])
  return entries.filter((entry) => entry.endsWith(': write') || !writes.includes(entry.split(':')[0]))
}

/** A mapping of its own, as the first thing of the job. */
function block(text: string, job: YamlView, entries: readonly string[]): Edit {
  const all = [...entries.filter((entry) => !entry.startsWith('id-token')), 'id-token: write']
  const first = job.pairs().find(({ isMerged }) => !isMerged)
  const at = first?.span.start ?? job.span.start
  if (isFlow(text, job)) return { start: at, end: at, text: `permissions: { ${all.join(', ')} }, `, reason }
  const indent = indentTo(text, at)
  const newline = lineBreak(text)
  const lines = ['permissions:', ...all.map((entry) => `  ${entry}`)].map(
    (line) => `${indent}${line}${newline}`,
  )
  const start = lineStart(text, at)
  return { start, end: start, text: lines.join(''), reason }
}

function added(text: string, permissions: YamlView, keyEnd: number, entries: readonly string[]): Edit[] {
  const pairs = permissions.pairs().filter(({ isMerged }) => !isMerged)
  const known = (entry: string) =>
    pairs.find(({ key, value }) => key.value === entry.split(':')[0] && value.isThere)
  const changed = entries.flatMap((entry): Edit[] => {
    const span = known(entry)?.value.span
    return span === undefined ? [] : [{ ...span, text: entry.split(': ')[1] ?? '', reason }]
  })
  const left = entries.filter((entry) => known(entry) === undefined)
  if (left.length === 0) return changed
  if (!permissions.isMap) {
    const all = permissions.value === 'read-all' ? scopes.map((scope) => `${scope}: read, `).join('') : ''
    const map = `{ ${all}${left.join(', ')} }`
    return [
      permissions.isThere
        ? { ...permissions.span, text: map, reason }
        : { start: keyEnd, end: keyEnd, text: `: ${map}`, reason },
    ]
  }
  const last = pairs.at(-1)
  if (isFlow(text, permissions) || last === undefined) {
    const at = permissions.span.start + 1
    return [
      ...changed,
      {
        start: at,
        end: at,
        text: last === undefined ? ` ${left.join(', ')} ` : ` ${left.join(', ')},`,
        reason,
      },
    ]
  }
  const first = pairs[0]
  const end = lineEnd(text, last.span.end)
  const newline = lineBreak(text)
  const lines = left.map((entry) => `${indentTo(text, first?.span.start ?? 0)}${entry}`).join(newline)
  const isClosed = end > 0 && text[end - 1] === '\n'
  return [
    ...changed,
    { start: end, end, text: isClosed ? `${lines}${newline}` : `${newline}${lines}`, reason },
  ]
}
