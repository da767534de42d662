import type { Span, Text } from '../../model.ts'
import type { ViewPair, YamlView } from '../../read/yaml-view.ts'
import type { TopLevel } from './top-level.ts'
import type { Edit } from '../edits.ts'
import { beginsLine, indentTo, lineBreak, lineStart, wholeLines } from '../lines.ts'
import type { Led } from '../scripts/wrap-commands.ts'
import { lookUp, type Unit } from './unit.ts'
import { isOfTheSystem } from '../scripts/system-commands.ts'

/** `before_script` and `script`, which GitLab runs one after the other in one shell. */
export interface UnitCommands {
  /** What Mayfly runs. */
  readonly inside: readonly string[]
  readonly outside: readonly string[]
  readonly led: Led
  /** Where the commands stand that go. */
  readonly places: readonly Span[]
  readonly edits: readonly Edit[]
}

/** A text says why they cannot be taken apart. */
export function commandsOf(text: string, root: TopLevel, unit: Unit): UnitCommands | string {
  const script = textsOf(unit.script.value)
  const found = unit.users.map(({ job }) => beforeOf(root, job.id))
  const [first] = found
  const starts = new Set(found.map(({ span, isThere, isList }) => (isThere || isList ? span.start : -1)))
  const isWrittenHere = [unit.script.value, ...unit.script.value.items()].every(
    ({ via }) => via === undefined,
  )
  if (script === undefined || first === undefined || !isWrittenHere)
    return 'its commands are taken in from elsewhere (an anchor, !reference)'
  if (starts.size > 1) return 'its commands run in several jobs, which have different commands before them'
  const before = first.isThere || first.isList ? textsOf(first) : []
  if (before === undefined) return 'what runs before it is taken in from elsewhere (an anchor, !reference)'
  const places = [unit.script.value.span, ...(before.length === 0 ? [] : [first.span])]
  if (before.every(({ value }) => isOfTheSystem(value))) {
    const outside = leading(script)
    if (outside === script.length) return 'it only puts tools into its image'
    return {
      inside: script.slice(outside).map(({ value }) => value),
      outside: [...before, ...script.slice(0, outside)].map(({ value }) => value),
      led: { outside, lead: [], first: [] },
      places,
      edits: [],
    }
  }
  const stays = leading(before)
  const moved = before.slice(stays).map(({ value }) => value)
  const outside = before.slice(0, stays).map(({ value }) => value)
  const own = unit.view.pair('before_script')
  const isOwn = own !== undefined && !own.isMerged && own.value.span.start === first.span.start
  if (!isOwn && !winsForAll(root, unit))
    return 'what runs before it is another job’s that extends it, or has its commands by an anchor'
  const edits = isOwn ? takenOut(text, own, hidesOthers(root, unit)) : [replaced(text, unit.script)]
  if (edits === undefined) return 'its before_script does not stand on lines of its own'
  return {
    inside: [...moved, ...script.map(({ value }) => value)],
    outside,
    led: { outside: 0, lead: moved, first: outside },
    places,
    edits,
  }
}

/** `before_script: []` beside the script is what each of its jobs finds first. */
function winsForAll(root: TopLevel, { home, view, users }: Unit): boolean {
  const own = view.pair('before_script')
  if (own !== undefined && !own.isMerged) return false
  return users.every(({ job, view: user, chain }) => {
    if (job.id === home) return true
    const at = chain.indexOf(home)
    const nearer = chain.slice(0, Math.max(at, 1))
    const isSaid = nearer.some((name) => root.get(name).pair('before_script') !== undefined)
    // Merged (`<<`): only what no other mapping says before comes from here.
    return !isSaid && (at !== -1 || user.pair('script')?.isMerged === true)
  })
}

/** Without its own, a job would have what stands behind that. */
function hidesOthers(root: TopLevel, { home, users }: Unit): boolean {
  const above = users.flatMap(({ job, chain }) => chain.filter((name) => name !== home && name !== job.id))
  return (
    root.pair('before_script') !== undefined ||
    root.get('default').pair('before_script') !== undefined ||
    above.some((name) => root.get(name).pair('before_script') !== undefined)
  )
}

function beforeOf(root: TopLevel, job: string): YamlView {
  const own = lookUp(root, job, 'before_script')
  if (own.isThere || own.isList) return own
  const inherit = root.get(job, 'inherit', 'default')
  const isLeftOut = inherit.isList
    ? !inherit.texts().some(({ value }) => value === 'before_script')
    : inherit.value === 'false'
  const shared = root.get('default', 'before_script')
  return isLeftOut ? own : shared.isThere || shared.isList ? shared : root.get('before_script')
}

/** Undefined where one of them is not written there as a text. */
function textsOf(view: YamlView): Text[] | undefined {
  const items = view.items()
  const texts = items.flatMap(({ text, tag }) => (text === undefined || tag === '!reference' ? [] : [text]))
  return texts.length === items.length && view.tag !== '!reference' ? texts : undefined
}

function leading(commands: readonly Text[]): number {
  const at = commands.findIndex(({ value }) => !isOfTheSystem(value))
  return at === -1 ? commands.length : at
}

const reason = 'GitLab runs it in one shell with the script: it goes to Mayfly with that'

function takenOut(text: string, { span }: ViewPair, isHiding: boolean): Edit[] | undefined {
  if (!beginsLine(text, span.start)) return undefined
  const end = span.start + text.slice(span.start, span.end).trimEnd().length
  if (isHiding) return [{ start: span.start, end, text: 'before_script: []', reason }]
  return [{ ...wholeLines(text, { start: span.start, end }), text: '', reason }]
}

/** What all jobs have before their scripts, this one has within its own. */
function replaced(text: string, script: ViewPair): Edit {
  const start = lineStart(text, script.span.start)
  const line = `${indentTo(text, script.span.start)}before_script: []${lineBreak(text)}`
  return { start, end: start, text: line, reason }
}
