import type { YamlView } from '../../read/yaml-view.ts'
import { common, covers } from '../conditions/index.ts'

/** Refs whose push starts a workflow: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#onpushbranchestagsbranches-ignoretags-ignore */
export interface PushRefs {
  /** Patterns as trust rules have them. */
  readonly refs: readonly string[]
  /** Those of them that are wider than what the file says: from the first sign on that only GitHub's patterns have, anything. */
  readonly wider: readonly string[]
  /** Where neither branches nor tags are named, any push does. */
  readonly isAny: boolean
}

const sides = ['branches', 'tags', 'branches-ignore', 'tags-ignore'] as const

export function pushRefs(push: YamlView, defaultBranch: string): PushRefs {
  const isSaid = (name: string) => push.pair(name) !== undefined
  if (!sides.some(isSaid)) return { refs: [], wider: [], isAny: true }
  const found = [named(push.get('branches'), 'refs/heads/'), named(push.get('tags'), 'refs/tags/')]
  const ignored = patternsOf(push.get('branches-ignore'), 'refs/heads/')
  const own = `refs/heads/${defaultBranch}`
  // Of all branches but some this one alone has a name here.
  const isLeft =
    isSaid('branches-ignore') && !isSaid('branches') && !ignored.some(({ atMost }) => covers(atMost, own))
  return {
    refs: [...found.flatMap(({ refs }) => refs), ...(isLeft ? [own] : [])],
    wider: found.flatMap(({ wider }) => wider),
    isAny: false,
  }
}

interface GithubPattern {
  readonly isLeftOut: boolean
  /** Of ours the narrowest that has all that it matches. */
  readonly atMost: string
  readonly isWider: boolean
}

/** A later pattern takes out what an earlier one has put in. What a pattern of ours cannot leave out is not put in. */
function named(list: YamlView, kind: string): { refs: string[]; wider: string[] } {
  const all = patternsOf(list, kind)
  const good = all.filter(
    ({ isLeftOut, atMost }, i) =>
      !isLeftOut &&
      !all.slice(i + 1).some((later) => later.isLeftOut && common(later.atMost, atMost) !== undefined),
  )
  return {
    refs: good.map(({ atMost }) => atMost),
    wider: good.flatMap(({ atMost, isWider }) => (isWider ? [atMost] : [])),
  }
}

function patternsOf(list: YamlView, kind: string): GithubPattern[] {
  return list.texts().map(({ value }) => {
    const isLeftOut = value.startsWith('!')
    const source = isLeftOut ? value.slice(1) : value
    const at = source.includes('${{') ? 0 : source.search(/[?+[\]*\\!]/)
    if (at === -1) return { isLeftOut, atMost: `${kind}${source}`, isWider: false }
    // The sign before a `?` may be missing.
    const sure = source.slice(0, source[at] === '?' ? at - 1 : at)
    const isWider = !/^(?:\*\*?)$/.test(source.slice(at))
    return { isLeftOut, atMost: `${kind}${sure}*`, isWider }
  })
}
