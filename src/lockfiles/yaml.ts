import { LineCounter, parseAllDocuments } from 'yaml'
import { MayflyError, messageOf } from '../lib/index.ts'

/** No tool that writes lockfiles uses anchors. */
const maxAliases = 0

/** The documents of a YAML text that a step chose, as plain data. Throws `bad_input`. */
export function readYaml(text: string, file: string): unknown[] {
  try {
    const documents = parseAllDocuments(text, {
      uniqueKeys: false,
      lineCounter: new LineCounter(),
      logLevel: 'silent',
    })
    return [...documents].map((document) => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return document.toJS({ maxAliasCount: maxAliases }) as unknown
    })
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} is not YAML: ${messageOf(cause).split('\n')[0]}`, { cause })
  }
}

/** A mapping as it stands there; of anything else an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
