import { randomBytes } from 'node:crypto'
import type { CiFileForm } from './ci-files.ts'

export interface Variable {
  readonly name: string
  readonly value: string
}

export type Read =
  | { readonly ok: true; readonly variables: Variable[] }
  | { readonly ok: false; readonly line: number }

/** NAME=VALUE in the forms in which CIs take it. A line that is none of these spoils the file, as it does for the CI. */
export function readVariables(text: string, form: CiFileForm): Read {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/)
  const variables: Variable[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line.trim() === '' || (form !== 'github' && line.trimStart().startsWith('#'))) continue
    const document = form === 'github' ? /^([^=]+?)<<(.+)$/.exec(line) : null
    if (document === null) {
      const variable = readLine(line, form)
      if (variable === undefined) return { ok: false, line: i + 1 }
      variables.push(variable)
      continue
    }
    const [, name = '', end = ''] = document
    const last = lines.indexOf(end, i + 1)
    if (last === -1) return { ok: false, line: i + 1 }
    variables.push({ name, value: lines.slice(i + 1, last).join('\n') })
    i = last
  }
  return { ok: true, variables }
}

function readLine(line: string, form: CiFileForm): Variable | undefined {
  const plain = form === 'github' ? line : line.trim().replace(/^export[ \t]+/, '')
  const at = plain.indexOf('=')
  if (at < 1) return undefined
  const [name, value] = [plain.slice(0, at), plain.slice(at + 1)]
  if (form === 'github') return { name, value }
  const bare = unquoted(value, form)
  return bare === undefined ? undefined : { name, value: bare }
}

/** Undefined for what a shell would work out: only what stands there is taken. */
function unquoted(value: string, form: CiFileForm): string | undefined {
  const single = /^'([^']*)'$/.exec(value)?.[1]
  if (single !== undefined) return single
  const double = /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1]
  if (form === 'dotenv') return double === undefined ? value : double.replaceAll(/\\(["\\])/g, '$1')
  if (double !== undefined)
    return /[$`]/.test(double.replaceAll(/\\./g, '')) ? undefined : double.replaceAll(/\\(["\\$`])/g, '$1')
  return /^[A-Za-z0-9_.,:/@%+=-]*$/.test(value) ? value : undefined
}

/** A variable as the CI reads it back, whatever its value holds. Undefined where the form has no way to say it. */
export function writeVariable({ name, value }: Variable, form: CiFileForm): string | undefined {
  switch (form) {
    case 'github': {
      // Nobody can have put the end of it into the value.
      const end = `mayfly_${randomBytes(16).toString('hex')}`
      return `${name}<<${end}\n${value}\n${end}\n`
    }
    case 'dotenv':
      return /[\r\n"\\]/.test(value) ? undefined : `${name}="${value}"\n`
    case 'shell':
      return `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`
    default:
      return undefined
  }
}
