import { settingOf } from './sql/settings.ts'

/** What a session begins with, as the server is told it. */
export type Parameters = ReadonlyMap<string, string>

/** They are the gateway's to say. */
const notPassed: ReadonlySet<string> = new Set(['user', 'database', 'replication'])

function isOwn(name: string): boolean {
  return notPassed.has(name.toLowerCase()) || name.startsWith('_pq_.')
}

/** What a client asked for, without who it is and where it goes: those are not its own to say here. */
export function passed(asked: Parameters): Parameters {
  return new Map([...asked].filter(([name]) => !isOwn(name)))
}

/**
 * The same for a session that is limited: none that changes how its statements are read, or whose they are. Returns one line if
 * the client asks for such a one.
 */
export function limited(asked: Parameters, isReadOnly: boolean): Parameters | string {
  const all = new Map<string, string>()
  for (const [name, value] of passed(asked)) {
    const given = name === 'options' ? optionsIn(value) : [[name, value] as const]
    // What is in there would be taken for the session's own beginning.
    if (given === undefined || given.some(([one]) => isOwn(one) || one.toLowerCase() === 'options'))
      return `options=${value.slice(0, 100)} is none that is known here: only -c NAME=VALUE is`
    for (const [one, set] of given) {
      const refused = problemOf(one, set)
      if (refused !== undefined) return refused
      all.set(one, set)
    }
  }
  all.set('client_encoding', 'UTF8')
  all.set('standard_conforming_strings', 'on')
  if (isReadOnly) all.set('default_transaction_read_only', 'on')
  return all
}

function problemOf(name: string, value: string): string | undefined {
  const { uses = [] } = settingOf(name, [value])
  // A path is read from the server afterwards.
  if (name.toLowerCase() === 'search_path' || uses.length === 0) return undefined
  return name.toLowerCase() === 'client_encoding'
    ? `its client_encoding is ${value.slice(0, 50)}, and only UTF8 is read as it was judged: set PGCLIENTENCODING=UTF8`
    : `a session that is limited cannot begin with ${name}=${value.slice(0, 100)}`
}

/** `-c NAME=VALUE`, `--NAME=VALUE`, as `options` has them: blanks part them, unless a backslash is before one (libpq, 34.1.2). */
function optionsIn(text: string): (readonly [string, string])[] | undefined {
  const words = (text.match(/(?:\\.|[^\s\\])+/gs) ?? []).map((word) => word.replaceAll(/\\(.)/gs, '$1'))
  const found: (readonly [string, string])[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const setting = word === '-c' ? (words[++at] ?? '') : (/^(?:-c|--)(.+)$/s.exec(word)?.[1] ?? '')
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/s.exec(setting) ?? []
    if (name === undefined || value === undefined) return undefined
    found.push([name.replaceAll('-', '_'), value])
  }
  return found
}
