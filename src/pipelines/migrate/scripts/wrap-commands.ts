import type { YamlView } from '../../read/yaml-view.ts'
import type { Edit } from '../edits.ts'
import { beginsLine, indentTo, lineBreak, lineEnd, lineStart } from '../lines.ts'
import { isFlow } from '../take-out.ts'
import { aroundScript, isPlainCommand, runCommand, type RunBy } from './run-line.ts'

export interface Led {
  /** How many entries of the list stay in front of `mayfly run`, outside of it. */
  readonly outside: number
  /** Commands of another list, which the same shell runs first. */
  readonly lead: readonly string[]
  /** Put in front of all, outside. */
  readonly first: readonly string[]
}

interface Wrapped {
  readonly text: string
  readonly by: RunBy
  readonly led: Led
  readonly values: readonly string[]
}

/**
 * `mayfly run` around the commands of a list, or of one text: each stays as it is, and all of them run in one shell, as the CI runs them.
 * Undefined where they are written in a form in which they would not surely come out the same.
 */
export function wrapCommands(
  text: string,
  commands: YamlView,
  keyAt: number,
  by: RunBy,
  led: Led = { outside: 0, lead: [], first: [] },
): Edit[] | undefined {
  const items = commands.items()
  const values = items.flatMap((item) => item.value ?? [])
  const isKnown =
    values.length === items.length &&
    values.length > led.outside &&
    commands.via === undefined &&
    items.every(({ via, tag }) => via === undefined && !isTagged(tag)) &&
    [...values, ...led.lead, ...led.first].every(isWritable) &&
    /^[ \t]*(?:-[ \t]+)*$/.test(text.slice(lineStart(text, keyAt), keyAt))
  if (!isKnown) return undefined
  const wrapped: Wrapped = { text, by, led, values }
  if (!commands.isList) return writtenAnew(wrapped, commands, keyAt)
  if (isFlow(text, commands)) return writtenAnew(wrapped, commands, keyAt)
  const dashes = items.flatMap((item) => dashOf(text, item) ?? [])
  return dashes.length === items.length ? inPlace(wrapped, items, dashes) : undefined
}

function isTagged(tag: string | undefined): boolean {
  return tag !== undefined && tag !== 'tag:yaml.org,2002:str'
}

/** What YAML has in a block of text as it is (YAML 1.2.2, 5.1). */
function isWritable(value: string): boolean {
  return /^[\t\n\x20-\x7E\xA0-\u2027\u202A-\uD7FF\uE000-\uFEFE\uFF00-\uFFFD\u{10000}-\u{10FFFF}]*$/u.test(
    value,
  )
}

function dashOf(text: string, { span }: YamlView): number | undefined {
  const dash = text.lastIndexOf('-', span.start - 1)
  return dash !== -1 && /^-[ \t]+$/.test(text.slice(dash, span.start)) && beginsLine(text, dash)
    ? dash
    : undefined
}

/** The dash of each entry goes, and its text becomes lines of one block. */
function inPlace(wrapped: Wrapped, items: readonly YamlView[], dashes: readonly number[]): Edit[] {
  const { text, by, led, values } = wrapped
  const reason = `runs isolated, in role ${by.role}`
  const at = dashes[led.outside] ?? 0
  const inside = items.slice(led.outside)
  const [only, ...others] = inside
  const start = lineStart(text, at)
  const indent = indentTo(text, at)
  const newline = lineBreak(text)
  const put = (place: number, lines: readonly string[], why: string): Edit => ({
    start: place,
    end: place,
    text: lines.map((line) => `${line}${newline}`).join(''),
    reason: why,
  })
  const first = led.first.flatMap((one) => [`${indent}- |`, ...indented(one, `${indent}  `)])
  const inFront =
    first.length === 0 ? [] : [put(lineStart(text, dashes[0] ?? at), first, 'comes first, outside of Mayfly')]
  const value = values[led.outside] ?? ''
  if (
    only !== undefined &&
    others.length === 0 &&
    led.lead.length === 0 &&
    by.plan.stands.length === 0 &&
    isAsWritten(text, only, value) &&
    isPlainCommand(value)
  ) {
    const { start: place } = only.span
    return [...inFront, { start: place, end: place, text: `${runCommand(by)} -- `, reason }]
  }
  const { before, after } = aroundScript(by, [...led.lead, ...values].join('\n'))
  const head = [`${indent}- |`, ...[...before, ...led.lead].flatMap((one) => indented(one, `${indent}  `))]
  const edits = inside.flatMap((item, i): Edit[] => {
    const dash = dashes[led.outside + i] ?? 0
    const next = dashes[led.outside + i + 1]
    const end = endOf(text, item)
    return [
      entryEdit(wrapped, item, dash, values[led.outside + i] ?? '', reason),
      ...(next === undefined ? [] : commentEdits(text, end, next, indent, reason)),
    ]
  })
  const last = inside.at(-1)
  const end = lineEnd(text, last === undefined ? at : endOf(text, last))
  const tail = `${indent}  ${after}`
  const isClosed = text[end - 1] === '\n'
  return [
    ...inFront,
    put(start, head, reason),
    ...edits,
    { start: end, end, text: isClosed ? `${tail}${newline}` : `${newline}${tail}`, reason },
  ]
}

/** Blank lines behind a block of text are none of its. */
function endOf(text: string, { span }: YamlView): number {
  return span.start + text.slice(span.start, span.end).trimEnd().length
}

function isAsWritten(text: string, { span }: YamlView, value: string): boolean {
  return text.slice(span.start, span.end) === value && !value.includes('\n')
}

function entryEdit({ text }: Wrapped, item: YamlView, dash: number, value: string, reason: string): Edit {
  if (isAsWritten(text, item, value)) return { start: dash, end: dash + 1, text: ' ', reason }
  const indent = `${indentTo(text, dash)}  `
  const [first = '', ...rest] = [...headComment(text, item, indent), ...indented(value, indent)]
  // What stands before the dash stays.
  const lines = [first.slice(indent.length - 2), ...rest]
  return { start: dash, end: endOf(text, item), text: lines.join(lineBreak(text)), reason }
}

/** `- | # why`: the comment becomes one of the script. */
function headComment(text: string, { span }: YamlView, indent: string): string[] {
  const head = text.slice(span.start, lineEnd(text, span.start))
  const comment = /^[|>][+\-0-9]*[ \t]+(#[^\r\n]*)/.exec(head)?.[1]
  return comment === undefined ? [] : [`${indent}${comment}`]
}

/** Comments between entries become comments of the script: they have to stand as far in as it does. */
function commentEdits(text: string, from: number, to: number, indent: string, reason: string): Edit[] {
  const edits: Edit[] = []
  for (let at = lineEnd(text, from); at < lineStart(text, to); at = lineEnd(text, at)) {
    const [, blanks = '', mark] = /^([ \t]*)(#?)/.exec(text.slice(at, lineEnd(text, at))) ?? []
    const missing = indent.length + 2 - blanks.length
    if (mark === '#' && missing > 0) edits.push({ start: at, end: at, text: ' '.repeat(missing), reason })
  }
  return edits
}

function indented(value: string, indent: string): string[] {
  let end = value.length
  while (value[end - 1] === '\n') end--
  return value
    .slice(0, end)
    .split('\n')
    .map((line) => (line === '' ? '' : `${indent}${line}`))
}

/** One text, or a list on one line. */
function writtenAnew(wrapped: Wrapped, commands: YamlView, keyAt: number): Edit[] {
  const { text, by, led, values } = wrapped
  const { isList } = commands
  const indent = `${indentTo(text, keyAt)}  `
  const newline = lineBreak(text)
  const reason = `runs isolated, in role ${by.role}`
  const inside = [...led.lead, ...values.slice(led.outside)]
  const { before, after } = aroundScript(by, inside.join('\n'))
  const outside = [...led.first, ...values.slice(0, led.outside)]
  const [value = ''] = inside
  const isOne = !isList && outside.length === 0 && inside.length === 1
  if (isOne && by.plan.stands.length === 0 && isAsWritten(text, commands, value) && isPlainCommand(value))
    return [{ start: commands.span.start, end: commands.span.start, text: `${runCommand(by)} -- `, reason }]
  const script = [...before, ...inside, after]
  if (isOne) {
    const block = blockOf(text, commands)
    if (block !== undefined) {
      const lines = (all: readonly string[]) => all.flatMap((one) => indented(one, block.indent))
      const put = (place: number, all: readonly string[]): Edit => ({
        start: place,
        end: place,
        text: lines(all)
          .map((line) => `${line}${newline}`)
          .join(''),
        reason,
      })
      return [put(block.start, before), put(block.end, [after])]
    }
  }
  const end = endOf(text, commands)
  const line = lineEnd(text, end)
  const comment = /^[ \t]+#[^\r\n]*/.exec(text.slice(end, line))?.[0] ?? ''
  const body = isOne
    ? [`|${comment}`, ...script.flatMap((one) => indented(one, indent))]
    : [
        comment.trim(),
        ...[...outside.map((one) => [one]), script].flatMap((entry) => [
          `${indent}- |`,
          ...entry.flatMap((one) => indented(one, `${indent}  `)),
        ]),
      ]
  const isOpened = !isOne && comment === ''
  const at = isOpened ? text.slice(0, commands.span.start).trimEnd().length : commands.span.start
  return [{ start: at, end: end + comment.length, text: body.join(newline), reason }]
}

/** Where the lines of a literal block begin and end, if it says no more of itself than that it is one. */
function blockOf(
  text: string,
  { span }: YamlView,
): { readonly start: number; readonly end: number; readonly indent: string } | undefined {
  const first = lineEnd(text, span.start)
  if (!/^\|[+-]?[ \t]*(?:#[^\r\n]*)?\r?\n$/.test(text.slice(span.start, first))) return undefined
  const indent = /^ +(?=[^ \r\n])/.exec(text.slice(first))?.[0]
  const end = lineEnd(text, span.start + text.slice(span.start, span.end).trimEnd().length)
  return indent === undefined || text[end - 1] !== '\n' ? undefined : { start: first, end, indent }
}
