/** One setting of a file of settings. */
export interface Setting {
  readonly name: string
  readonly value: string
}

const prefix = String.raw`^[ \t]*(?:- |export |set |setx )?[ \t]*`
const name = String.raw`["']?([\w.$@\/-][\w.$@\/:-]{0,199})["']?`
/** `NAME=value` before `NAME: value`: what stands in front of a colon may be a part of the name, as in `.npmrc`. */
const forms = [
  new RegExp(String.raw`${prefix}${name}[ \t]*=[ \t]*(\S.*)$`),
  new RegExp(String.raw`${prefix}${name.replace(':-', '-')}[ \t]*:(?:[ \t]+|(?=["']))(\S.*)$`),
  // Maven's settings.xml, and its like.
  /^[ \t]*<([\w.-]{1,200})>[ \t]*([^<>]{1,20000}?)[ \t]*<\//,
]
const block = /^[|>][+-]?[0-9]?[+-]?$/

/**
 * The settings of a text that has them one in a line: of a shell or `.env`, YAML (with blocks of several lines), INI, TOML, `.npmrc`,
 * properties, XML. Whatever else stands in it is left out.
 */
export function settingsIn(text: string): Setting[] {
  const lines = text.split(/\r\n|\r|\n/)
  const found: Setting[] = []
  let called = ''
  for (let i = 0; i < lines.length; i++) {
    const one = settingOf(lines[i] ?? '')
    if (one === undefined) continue
    if (block.test(one.value)) {
      const [value, end] = blockFrom(lines, i)
      found.push({ name: one.name, value })
      i = end
      continue
    }
    // `- name: DB_PASSWORD` and then `value: ...`, as in Kubernetes.
    if (one.name === 'name') called = one.value
    else found.push(one.name === 'value' ? { name: called, value: one.value } : one)
  }
  return [...found, ...netrcIn(text), ...pgpassIn(lines)]
}

function settingOf(line: string): Setting | undefined {
  for (const form of forms) {
    const [, key, value] = form.exec(line) ?? []
    if (key !== undefined && value !== undefined) return { name: key, value: bare(value) }
  }
  return undefined
}

/** Without its quotes, or without a comment behind it. */
function bare(value: string): string {
  const quoted = /^(["'])((?:\\.|(?!\1)[^\\])*)\1/.exec(value)
  if (quoted !== null) return quoted[2] ?? ''
  return value.replace(/[ \t]+[#;].*$/, '').replace(/[ \t,;]+$/, '')
}

/** The lines that are further in than this one, without what they are further in; and the last of them. */
function blockFrom(lines: readonly string[], at: number): [text: string, end: number] {
  const depth = (line: string) => line.length - line.trimStart().length
  const outer = depth(lines[at] ?? '')
  let end = at
  while (end + 1 < lines.length && (lines[end + 1]?.trim() === '' || depth(lines[end + 1] ?? '') > outer))
    end++
  const text = lines.slice(at + 1, end + 1).map((line) => line.trim())
  return [text.join('\n').trim(), end]
}

/** The words of .netrc (machine, login, password) with their values, on one line or several. */
function netrcIn(text: string): Setting[] {
  if (!/^[ \t]*(?:machine[ \t]|default\b)/m.test(text)) return []
  return [...text.matchAll(/\b(?:password|account)\s+("(?:\\.|[^"\\])*"|\S+)/g)].map(([, value = '']) => ({
    ...{ name: 'password', value: bare(value) },
  }))
}

/** `HOST:PORT:DATABASE:USER:PASSWORD`. */
function pgpassIn(lines: readonly string[]): Setting[] {
  return lines.flatMap((line) => {
    const [, value] = /^[^\s:#]+:(?:\d+|\*):[^\s:]+:[^\s:]+:(\S+)$/.exec(line) ?? []
    return value === undefined ? [] : [{ name: 'password', value: value.replaceAll(/\\(.)/g, '$1') }]
  })
}
