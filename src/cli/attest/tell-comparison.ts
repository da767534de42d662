import type { Changed, Comparison } from './compare-builds.ts'
import type { FileComparison } from './compare-files.ts'
import { say, type Outline } from './outline.ts'

const maxNamed = 50

const verdicts = {
  same: 'the same: sources, dependencies, parameters and artifacts',
  different: 'different',
  unknown: 'cannot tell',
} as const

export function tellComparison(shown: {
  readonly trust: string
  readonly notes: readonly string[]
  readonly comparison: Comparison
  readonly files: readonly FileComparison[]
}): Outline[] {
  const { trust, notes, comparison, files } = shown
  const { verdict, gaps, commit, parameters, circumstances, dependencies, artifacts } = comparison
  return [
    { line: say`trust: ${trust}` },
    ...notes.map((note) => ({ line: say`note: ${note}` })),
    ...gaps.map((gap) => ({ line: say`UNKNOWN: ${gap}` })),
    commit === undefined
      ? { line: say`commit: the same` }
      : { line: say`commit: ${commit.a ?? 'none'} and ${commit.b ?? 'none'}` },
    section('parameters', parameters),
    section('dependencies', dependencies),
    {
      ...section('artifacts', artifacts.changed),
      line: say`artifacts: ${artifacts.same} the same, ${artifacts.changed.length} not`,
    },
    ...files.map(tellFile),
    ...(circumstances.length === 0 ? [] : [section('circumstances, which do not count', circumstances)]),
    { line: say`${verdicts[verdict]}` },
  ]
}

function section(name: string, changes: readonly Changed[]): Outline {
  if (changes.length === 0) return { line: say`${name}: the same` }
  const left = changes.length - maxNamed
  return {
    line: say`${name}: ${changes.length} differ`,
    below: [
      ...changes.slice(0, maxNamed).map((one) => ({ line: lineOf(one) })),
      ...(left > 0 ? [{ line: say`and ${left} more: --json` }] : []),
    ],
  }
}

function lineOf({ name, a, b }: Changed) {
  if (a === undefined) return say`${name}: only in B: ${b ?? ''}`
  if (b === undefined) return say`${name}: only in A: ${a}`
  return say`${name}: ${a} and ${b}`
}

function tellFile({ name, why, format, members = [], count = 0 }: FileComparison): Outline {
  if (why !== undefined) return { line: say`in ${name}: ${why}` }
  if (count === 0)
    return {
      line: say`in ${name} (${format ?? ''}): the same members with the same content, packed in another way`,
    }
  const left = count - Math.min(members.length, maxNamed)
  return {
    line: say`in ${name} (${format ?? ''}): ${count} members differ`,
    below: [
      ...members.slice(0, maxNamed).map(({ path, what }) => ({ line: say`${path}: ${what.join(', ')}` })),
      ...(left > 0 ? [{ line: say`and ${left} more: --json` }] : []),
    ],
  }
}
