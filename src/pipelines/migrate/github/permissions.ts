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
}

/**
 * `id-token: write` for one job, beside all that it had: a job that names permissions loses those that it does not name. `needed`: what
 * its own token is used for.
 */
export function withIdToken(
  text: string,
  root: YamlView,
  job: YamlView,
  needed: readonly string[] = [],
): PermissionEdit {
  const own = job.get('permissions')
  const pair = job.pair('permissions')
  if (pair !== undefined) {
    const has = own.value === 'write-all' || own.get('id-token').value === 'write'
    return { edits: has ? [] : [added(text, own, pair.key.span.end)], wasDefault: false }
  }
  const above = root.get('permissions')
  if (above.value === 'write-all' || above.get('id-token').value === 'write')
    return { edits: [], wasDefault: false }
  const isThere = root.pair('permissions') !== undefined
  const inherited = !isThere
    ? [...new Set([...usual, ...needed])]
    : above.isMap
      ? above.pairs().map(({ key, value }) => `${key.value}: ${value.value ?? 'none'}`)
      : above.value === 'read-all'
        ? scopes.map((scope) => `${scope}: read`)
        : []
  return { edits: [block(text, job, widest(inherited))], wasDefault: !isThere }
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

function added(text: string, permissions: YamlView, keyEnd: number): Edit {
  const pairs = permissions.pairs().filter(({ isMerged }) => !isMerged)
  const token = pairs.find(({ key }) => key.value === 'id-token')
  if (token !== undefined && token.value.isThere) return { ...token.value.span, text: 'write', reason }
  if (!permissions.isMap) {
    const all = permissions.value === 'read-all' ? scopes.map((scope) => `${scope}: read, `).join('') : ''
    const map = `{ ${all}id-token: write }`
    return permissions.isThere
      ? { ...permissions.span, text: map, reason }
      : { start: keyEnd, end: keyEnd, text: `: ${map}`, reason }
  }
  const last = pairs.at(-1)
  if (isFlow(text, permissions) || last === undefined) {
    const at = permissions.span.start + 1
    return {
      start: at,
      end: at,
      text: last === undefined ? ' id-token: write ' : ' id-token: write,',
      reason,
    }
  }
  const first = pairs[0]
  const end = lineEnd(text, last.span.end)
  const newline = lineBreak(text)
  const line = `${indentTo(text, first?.span.start ?? 0)}id-token: write`
  const isClosed = end > 0 && text[end - 1] === '\n'
  return { start: end, end, text: isClosed ? `${line}${newline}` : `${newline}${line}`, reason }
}
