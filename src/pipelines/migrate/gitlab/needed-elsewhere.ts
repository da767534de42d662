import type { PipelineFile, Span } from '../../model.ts'
import type { ViewPair } from '../../read/yaml-view.ts'
import { namesOutside } from '../lines.ts'
import type { ScriptPlan, Why } from '../scripts/script-plan.ts'
import type { UnitCommands } from './commands-of-unit.ts'
import type { TopLevel } from './top-level.ts'
import { chainOf, type Unit } from './unit.ts'

/** Why a variable that had a secret cannot go: other jobs have it from here, or something beside the commands reads it. */
export function neededElsewhere(
  { text }: PipelineFile,
  root: TopLevel,
  unit: Unit,
  commands: UnitCommands,
  { gone }: ScriptPlan,
): Why | undefined {
  const entries = [unit.view, ...unit.users.map(({ view }) => view)].flatMap((view) => {
    const pair = view.pair('variables')
    return pair === undefined ? [] : pair.value.pairs().filter(({ key }) => gone.has(key.value))
  })
  if (entries.length === 0) return undefined
  return (
    sharedBy(root, unit, entries) ??
    readBeside(text, root, unit, [...commands.places, ...entries.map(({ span }) => span)], gone)
  )
}

function sharedBy(root: TopLevel, unit: Unit, entries: readonly ViewPair[]): Why | undefined {
  const names = [unit.home, ...unit.users.map(({ job }) => job.id)]
  const others = root.pairs.filter(({ key, value }) => value.isMap && !names.includes(key.value))
  const starts = new Set(entries.map(({ span }) => span.start))
  // An anchored template that its jobs merge as a whole is no more than their home.
  const isShared = entries.some(
    ({ value }) => value.via !== undefined || (value.isShared && !unit.view.isShared),
  )
  const other = others.find(({ key, value }) => {
    const isTemplate = key.value.startsWith('.')
    const maps = [value, value.get('variables')]
    return (
      (!isTemplate && chainOf(root, key.value).some((one) => names.includes(one))) ||
      maps.some((map) => map.pairs().some(({ span }) => starts.has(span.start)))
    )
  })
  if (!isShared && other === undefined) return undefined
  return {
    why: `its variables are ${other === undefined ? 'shared by an anchor' : `those of ${other.key.value}, too`}, which would lose them`,
    instead: 'write them out in each job that needs them',
  }
}

function readBeside(
  text: string,
  root: TopLevel,
  { home, users }: Unit,
  without: readonly Span[],
  gone: ReadonlySet<string>,
): Why | undefined {
  const names = new Set([home, 'default', 'after_script', 'services', ...users.flatMap(({ chain }) => chain)])
  const spans = [...names].flatMap((name) => root.pair(name)?.span ?? [])
  const read = spans.flatMap((span) => [...namesOutside(text, span, without)]).find((name) => gone.has(name))
  return read === undefined
    ? undefined
    : {
        why: `${read} is used outside of its commands, too (after_script, services, cache)`,
        instead: 'let the script do it',
      }
}
