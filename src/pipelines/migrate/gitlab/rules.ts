import type { YamlView } from '../../read/yaml-view.ts'
import { sources } from './sources.ts'

/** What starts a job, as its rules say: a branch or tag, the kind of pipeline. */
export interface Start {
  /** `refs/heads/main`; undefined where any ref does. */
  readonly ref?: string
  /** As `CI_PIPELINE_SOURCE` says it; undefined where any does. */
  readonly event?: string
}

/**
 * What `rules:`, or `only:`, let a job start by; undefined where they say nothing. Each is then held against the whole
 * condition (condition.ts): what that does not surely allow is not trusted.
 * Source: GitLab documentation, "Specify when jobs run with rules", "CI/CD YAML syntax reference", `only` and `except`.
 */
export function startsOf(
  rules: YamlView,
  only: YamlView,
  defaultBranch: string,
): readonly Start[] | undefined {
  if (rules.isThere) return rules.items().flatMap((rule) => ofRule(rule, defaultBranch))
  if (!only.isThere) return undefined
  const refs = only.isMap ? only.get('refs') : only
  return refs.isThere ? refs.texts().flatMap(({ value }) => ofOnly(value)) : [{}]
}

function ofRule(rule: YamlView, defaultBranch: string): Start[] {
  if (rule.get('when').value === 'never') return []
  const condition = rule.get('if').value
  if (condition === undefined) return [{}]
  // What brackets bind is not taken apart.
  if (/[()]/.test(condition.replaceAll(/\/(?:[^/\\]|\\.)*\//g, ''))) return [{}]
  return condition.split('||').map((one) => ofCondition(one, defaultBranch))
}

function ofCondition(condition: string, defaultBranch: string): Start {
  const terms = condition.split('&&').map((term) => term.trim())
  const event = terms.flatMap(
    (term) => /^\$CI_PIPELINE_SOURCE\s*==\s*["']([a-z_]{1,40})["']$/.exec(term)?.[1] ?? [],
  )[0]
  const isMergeRequest = terms.some((term) => /^\$CI_MERGE_REQUEST_(?:ID|IID)$/.test(term))
  const ref = terms.flatMap((term) => refOf(term, defaultBranch) ?? [])[0]
  const source = event ?? (isMergeRequest ? 'merge_request_event' : undefined)
  return { ...(ref === undefined ? {} : { ref }), ...(source === undefined ? {} : { event: source }) }
}

function refOf(term: string, defaultBranch: string): string | undefined {
  if (term === '$CI_COMMIT_TAG') return 'refs/tags/*'
  const [, kind, operator, value = ''] =
    /^\$CI_COMMIT_(TAG|BRANCH|REF_NAME)\s*(==|=~)\s*(.+)$/.exec(term) ?? []
  if (kind === undefined) return undefined
  const name =
    value === '$CI_DEFAULT_BRANCH'
      ? defaultBranch
      : operator === '=='
        ? /^["']([\w./-]{1,200})["']$/.exec(value)?.[1]
        : prefixOf(value)
  return name === undefined ? undefined : `refs/${kind === 'TAG' ? 'tags' : 'heads'}/${name}`
}

/** `/^release\/.*$/` as `release/*`: what it surely begins with, and then anything. A whole word stays one. */
function prefixOf(pattern: string): string | undefined {
  const source = /^\/\^(.*)\/i?$/.exec(pattern)?.[1]
  if (source === undefined || source.includes('|')) return undefined
  const [plain = ''] = /^(?:[\w-]|\\[./-])*/.exec(source) ?? []
  const rest = source.slice(plain.length)
  // The sign before a `?` or `*` may be missing.
  const sure = /^[?*{]/.test(rest) ? plain.replace(/\\?.$/, '') : plain
  const name = sure.replaceAll('\\', '')
  if (rest === '$' && name !== '') return name
  return name === '' ? undefined : `${name}*`
}

function ofOnly(value: string): Start[] {
  if (value === 'branches') return [{}]
  if (value === 'tags') return [{ ref: 'refs/tags/*' }]
  const event = sources[value]
  if (event !== undefined) return [{ event }]
  const name = value.startsWith('/') ? prefixOf(value) : /^[\w./-]{1,200}$/.exec(value)?.[0]
  return name === undefined ? [{}] : [{ ref: `refs/heads/${name}` }]
}
