import type { YamlView } from '../../read/yaml-view.ts'
import { covers, exact, textPattern, wordsOf } from '../conditions/index.ts'

/**
 * Refs for which a workflow runs a job: https://circleci.com/docs/reference/configuration-reference/#filters . Conditions of the workflow, or filters
 * by an expression, may ask for anything: then none.
 */
export function refsOf(workflow: YamlView, call: YamlView | undefined, defaultBranch: string): string[] {
  const filters = call?.get('filters')
  const isConditional = ['when', 'unless', 'if'].some((name) => workflow.pair(name) !== undefined)
  if (isConditional || (call?.pair('filters') !== undefined && filters?.isMap !== true)) return []
  const branches = filters?.get('branches')
  const tags = filters?.get('tags')
  const own = `refs/heads/${defaultBranch}`
  const only = branches?.get('only')
  const isOnly = branches?.pair('only') !== undefined
  const named = isOnly ? namesIn(only, 'refs/heads/') : isLeftOut(branches, defaultBranch) ? [] : [own]
  const all = [...named, ...namesIn(tags?.get('only'), 'refs/tags/')].filter(
    (ref) => !(ref.startsWith('refs/heads/') && isOnly && branches?.pair('ignore') !== undefined),
  )
  return workflow.pair('triggers') === undefined
    ? all
    : all.filter((ref) => scheduled(workflow.get('triggers')).some((one) => covers(one, ref)))
}

function namesIn(list: YamlView | undefined, kind: string): string[] {
  return (list?.texts() ?? []).flatMap(({ value }) => {
    const isPattern = value.startsWith('/')
    // Without slashes it is a whole name: no ref has a `*` in it.
    const name = isPattern
      ? textPattern(value, { isWhole: true }).text
      : value.includes('*')
        ? undefined
        : value
    return name !== undefined && /^[\w@./-]*\*?$/.test(name) && name !== '' ? [`${kind}${name}`] : []
  })
}

/** A pattern that is not surely another name may be this one. */
function isLeftOut(branches: YamlView | undefined, defaultBranch: string): boolean {
  if (branches?.pair('ignore') === undefined) return false
  const texts = branches.get('ignore').texts()
  return (
    texts.length === 0 ||
    texts.some(({ value }) =>
      value.startsWith('/')
        ? !textPattern(value, { isWhole: true }).matches(exact(defaultBranch)).canFail
        : wordsOf(value).is === 'prefix' || value === defaultBranch,
    )
  )
}

/** Of a workflow that starts by the clock alone. */
function scheduled(triggers: YamlView): string[] {
  return triggers
    .items()
    .flatMap((one) => namesIn(one.get('schedule', 'filters', 'branches', 'only'), 'refs/heads/'))
}
