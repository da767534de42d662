import { kinds } from '../../kinds/index.ts'

/** What a request to a module proxy is about (go.dev/ref/mod#goproxy-protocol); of a checksum database its tree names no module. */
export type Route = ModuleRoute | TreeRoute

/** `database` is the name in its key. */
export interface TreeRoute {
  readonly kind: 'supported' | 'signed' | 'tile'
  readonly database: string
}

/** Module paths and versions as in go.mod, unescaped. */
export type ModuleRoute =
  | { readonly kind: 'info'; readonly module: string; readonly version: string }
  | FileRoute
  /** Which versions there are, the newest of them, and what a branch or commit stands for. */
  | { readonly kind: 'list' | 'latest' | 'query'; readonly module: string }
  /** A module's line in a checksum database. */
  | LookupRoute

export interface LookupRoute {
  readonly kind: 'lookup'
  readonly database: string
  readonly module: string
  readonly version: string
}

export interface FileRoute {
  readonly kind: 'mod' | 'zip'
  readonly module: string
  readonly version: string
}

/** Undefined for what is nothing of the protocol. */
export function routeOf(path: string): Route | undefined {
  const sumdb = /^\/sumdb\/(?<database>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\/(?<rest>.+)$/.exec(path)?.groups
  if (sumdb !== undefined) return sumdbRoute(sumdb['database'] ?? '', sumdb['rest'] ?? '')
  const latest = /^\/(?<module>[^@]+)\/@latest$/.exec(path)?.groups
  const named = /^\/(?<module>[^@]+)\/@v\/(?<rest>[^/]+)$/.exec(path)?.groups
  const module = unescaped(latest?.['module'] ?? named?.['module'] ?? '')
  if (module === undefined || !isModule(module)) return undefined
  if (latest !== undefined) return { kind: 'latest', module }
  const rest = named?.['rest'] ?? ''
  if (rest === 'list') return { kind: 'list', module }
  const file = /^(?<version>.+)\.(?<kind>info|mod|zip)$/.exec(rest)?.groups
  const version = unescaped(file?.['version'] ?? '')
  if (file === undefined || version === undefined) return undefined
  const kind = file['kind'] as 'info' | 'mod' | 'zip'
  if (isVersion(version)) return { kind, module, version }
  return kind === 'info' && isQuery(version) ? { kind: 'query', module } : undefined
}

/** Hashes alone: records by the bundle, which no go asks for, could not be held one by one. */
const tile = /^tile\/8\/[0-9]{1,2}(?:\/x[0-9]{3}){0,5}\/[0-9]{3}(?:\.p\/[0-9]{1,3})?$/

function sumdbRoute(database: string, rest: string): Route | undefined {
  if (rest === 'supported') return { kind: 'supported', database }
  if (rest === 'latest') return { kind: 'signed', database }
  if (tile.test(rest)) return { kind: 'tile', database }
  const asked = /^lookup\/(?<module>[^@]+)@(?<version>[^@/]+)$/.exec(rest)?.groups
  const [module, version] = [unescaped(asked?.['module'] ?? ''), unescaped(asked?.['version'] ?? '')]
  if (module === undefined || version === undefined) return undefined
  return isModule(module) && isVersion(version) ? { kind: 'lookup', database, module, version } : undefined
}

/** Where a database is asked for a version, below `/sumdb/NAME/`. */
export function lookupPath(module: string, version: string): string {
  return `lookup/${escaped(module)}@${escaped(version)}`
}

function escaped(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`)
}

/** golang.org/x/mod/module, UnescapePath: `!a` for `A`, so that names differ on every file system. Undefined for another spelling. */
function unescaped(text: string): string | undefined {
  return /^(?:[^A-Z!]|![a-z])*$/.test(text)
    ? text.replaceAll(/!([a-z])/g, (_, letter: string) => letter.toUpperCase())
    : undefined
}

function isModule(name: string): boolean {
  return name !== '' && kinds.go.path.form.is(name)
}

function isVersion(name: string): boolean {
  return kinds.go.ref.form.is(name)
}

/** A branch, tag or commit. */
function isQuery(name: string): boolean {
  return name.length <= 256 && /^(?!\.)[A-Za-z0-9._+~-]+$/.test(name)
}
