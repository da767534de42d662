import type { Use } from './reading.ts'

/** What setting a parameter comes to. */
export interface Setting {
  readonly uses?: readonly Use[]
  readonly path?: readonly string[]
}

/** By them a session becomes another role, loads code, or leaves its triggers out. */
const ruling: ReadonlySet<string> = new Set([
  ...['role', 'session_authorization', 'session_replication_role', 'dynamic_library_path', 'jit_provider'],
  ...[
    'local_preload_libraries',
    'session_preload_libraries',
    'lo_compat_privileges',
    'allow_system_table_mods',
  ],
])

/** How a text is read depends on them: another value, and the server reads other statements than were judged here. */
const reading: ReadonlyMap<string, RegExp> = new Map([
  ['client_encoding', /^'?utf-?8'?$|^'?unicode'?$/i],
  ['standard_conforming_strings', /^(?:on|true|yes|1)$/i],
  ['backslash_quote', /^safe_encoding$/i],
])

const readOnly: ReadonlySet<string> = new Set(['transaction_read_only', 'default_transaction_read_only'])

/** `values` is undefined for those that are no constants, and empty for a return to what the session began with. */
export function settingOf(written: string, values: readonly string[] | undefined): Setting {
  const name = written.toLowerCase()
  const [value] = values ?? []
  // A transaction may write by default, whatever the session began with.
  const isReset = values !== undefined && value === undefined
  if (isReset && !readOnly.has(name)) return {}
  if (name === 'search_path') return values === undefined ? ruled(name) : { path: values }
  if (name === 'role' && value?.toLowerCase() === 'none') return {}
  if (name === 'role' && value !== undefined)
    return { uses: [{ verb: 'admin', of: 'server', role: value, why: 'it sets role' }] }
  if (ruling.has(name)) return ruled(name)
  const allowed = reading.get(name)
  if (allowed !== undefined)
    return value !== undefined && allowed.test(value) ? {} : ruled(name, `${name} stays as it is`)
  if (readOnly.has(name) && !/^(?:on|true|yes|1)$/i.test(value ?? ''))
    return { uses: [{ verb: 'write', of: 'session', why: `SET ${name}` }] }
  return {}
}

function ruled(name: string, why = `it sets ${name}`): Setting {
  return { uses: [{ verb: 'admin', of: 'server', why }] }
}

/** The schemas in a text as `set_config` takes it (manual, 19.11.1); undefined if it is malformed. */
export function schemasIn(path: string): string[] | undefined {
  return path.trim() === '' ? [] : namesIn(path, ',')
}

/** A name with its schema, as `nextval` takes it; undefined if it is malformed. */
export function partsOf(name: string): string[] | undefined {
  return namesIn(name, '.')
}

function namesIn(text: string, between: ',' | '.'): string[] | undefined {
  const found: string[] = []
  const part = /\s*(?:"((?:[^"]|"")+)"|([^\s",.]+))\s*([,.]|$)/y
  for (;;) {
    const [, quoted, plain = '', end] = part.exec(text) ?? []
    if (end === undefined) return undefined
    found.push(quoted?.replaceAll('""', '"') ?? plain.toLowerCase())
    if (end === '') return found
    if (end !== between) return undefined
  }
}
