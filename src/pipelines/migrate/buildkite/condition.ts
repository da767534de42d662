import type { YamlView } from '../../read/yaml-view.ts'
import {
  conditionOf,
  exact,
  isEqual,
  isSaid,
  leaf,
  not,
  notUnderstood,
  textPattern,
  unknown,
  untoldLeaf,
  wordsOf,
  type Condition,
  type Run,
  type Words,
} from '../conditions/index.ts'

/**
 * `if` and `branches` of a step: https://buildkite.com/docs/pipelines/configure/conditionals and
 * https://buildkite.com/docs/pipelines/configure/workflows/branch-configuration
 */
export function buildkiteCondition(step: YamlView): Condition {
  const text = step.pair('if') === undefined ? '' : (step.get('if').value ?? '(')
  return { is: 'all', of: [conditionOf(text, ofTerm), ofBranches(step)] }
}

const comparison = /^(build\.(?:branch|tag))\s*(==|!=|=~|!~)\s*([^]+)$/

function ofTerm(term: string): Condition {
  const [, name = term, sign, right = ''] = comparison.exec(term) ?? []
  const kind = name === 'build.tag' ? 'tags' : 'heads'
  if (sign === undefined) {
    if (name === 'build.tag' || name === 'build.branch')
      return leaf((run) => isSaid(valueOf(name, run)), ['refs/tags/*'])
    return /\bbuild\.(?:branch|tag|source)\b/.test(term) ? notUnderstood : untoldLeaf(term)
  }
  const isTurned = sign.startsWith('!')
  const turned = (is: ReturnType<typeof not>) => (isTurned ? not(is) : is)
  if (sign.endsWith('~')) {
    const pattern = textPattern(right.trim())
    const refs = pattern.text === undefined || isTurned ? [] : [`refs/${kind}/${pattern.text}`]
    return leaf((run) => turned(pattern.matches(valueOf(name, run))), refs)
  }
  const own = right === 'null' ? '' : /^(["'])([^"'$*]*)\1$/.exec(right)?.[2]
  if (own === undefined) return notUnderstood
  const refs = own === '' ? ['refs/tags/*'] : isTurned ? [] : [`refs/${kind}/${own}`]
  return leaf((run) => turned(isEqual(valueOf(name, run), exact(own))), refs)
}

/** Of a build for a tag nobody knows which branch it says. */
function valueOf(name: string, { ref }: Run): Words {
  const [, kind, own = ''] = /^refs\/(heads|tags)\/(.*)$/.exec(ref) ?? []
  const isTag = name === 'build.tag'
  if ((kind === 'tags') === isTag) return wordsOf(own)
  return isTag ? exact('') : unknown
}

/** `main stable/*`, `!wip/*`: https://buildkite.com/docs/pipelines/configure/workflows/branch-configuration#branch-pattern-examples */
function ofBranches(step: YamlView): Condition {
  if (step.pair('branches') === undefined) return { is: 'all', of: [] }
  const words = (step.get('branches').value ?? '(').split(/\s+/).filter((one) => one !== '')
  if (words.length === 0 || !words.every((one) => /^!?[\w./-]+\*?$/.test(one))) return notUnderstood
  const of = (word: string): Condition => {
    const source = `/^${word.replace(/\*$/, '').replaceAll(/[./-]/g, String.raw`\$&`)}${word.endsWith('*') ? '' : '$'}/`
    return ofTerm(`build.branch =~ ${source}`)
  }
  const good = words.filter((one) => !one.startsWith('!'))
  const bad = words.filter((one) => one.startsWith('!')).map((one) => one.slice(1))
  return {
    is: 'all',
    of: [
      ...(good.length === 0 ? [] : [{ is: 'any' as const, of: good.map(of) }]),
      ...bad.map((one) => ({ is: 'not' as const, of: of(one) })),
    ],
  }
}
