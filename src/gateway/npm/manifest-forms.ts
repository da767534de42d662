import { posix } from 'node:path'
import { foldedName } from '../archives/index.ts'
import { isRecord, recordOf } from './json.ts'

// What npm makes of a package.json before it sends it (its "prepare" and "fixName"), as far as installing depends on it.

type Manifest = Readonly<Record<string, unknown>>

export function listOf(value: unknown): unknown {
  return typeof value === 'string' ? [value] : value
}

/** With each reference to a hosted repository in one form. An optional one stands among the others, too, by older tools. */
export function plainDependencies(of: Manifest, kind: string): unknown {
  const dependencies = of[kind]
  if (!isRecord(dependencies)) return dependencies
  const optional = kind === 'dependencies' ? recordOf(of['optionalDependencies']) : {}
  return Object.fromEntries(
    Object.entries(dependencies)
      .filter(([name, range]) => !(Object.hasOwn(optional, name) && optional[name] === range))
      .map(([name, range]) => [name, typeof range === 'string' ? plainRange(range) : range]),
  )
}

const shortForm = /^(?:(github|gitlab|bitbucket):)?([^/@:#\s~.][^/@:#\s]*\/[^/:#\s]+?)(?:\.git)?(#\S*)?$/
const longForm =
  /^(?:(?:git\+)?(?:https|ssh):\/\/(?:git@)?|git@)(github(?=\.com)|gitlab(?=\.com)|bitbucket(?=\.org))\.[a-z]+[/:]([^/@:#\s]+\/[^/:#\s]+?)(?:\.git)?(#\S*)?$/

function plainRange(range: string): string {
  const found = shortForm.exec(range) ?? longForm.exec(range)
  return found === null ? range : `${found[1] ?? 'github'}:${found[2] ?? ''}${found[3] ?? ''}`
}

export function bundledNames(of: Manifest): unknown {
  const bundled = of['bundleDependencies'] ?? of['bundledDependencies']
  if (bundled === true) return Object.keys(recordOf(of['dependencies'])).toSorted()
  if (bundled === false) return undefined
  if (isRecord(bundled)) return Object.keys(bundled).toSorted()
  return Array.isArray(bundled) ? bundled.map(String).toSorted() : bundled
}

/** With those that npm adds for a `*.gyp` and a `server.js`; the latter is never run by itself. */
export function plainScripts({ scripts, gypfile }: Manifest, files: readonly string[]): unknown {
  const plain = new Map(
    Object.entries(recordOf(scripts))
      .filter((one): one is [string, string] => typeof one[1] === 'string')
      .map(([name, script]) => [name, script.replace(/^(\.[/\\])?node_modules[/\\].bin[\\/]/, '')]),
  )
  if (hasGyp(files) && gypfile !== false && !plain.has('install') && !plain.has('preinstall'))
    plain.set('install', 'node-gyp rebuild')
  if (!plain.has('start')) plain.set('start', 'node server.js')
  return Object.fromEntries(plain)
}

/** By which npm builds it, whether a script says so or not; also where a file system takes its name for one. */
export function hasGyp(files: readonly string[]): boolean {
  return files.some((file) => /^package\/[^/]+\.gyp$/.test(foldedName(file)))
}

/** Commands by name, as npm reads a text, a list and an object. */
export function plainBin({ bin, name }: Manifest): Record<string, string> | undefined {
  const entries: [string, unknown][] =
    typeof bin === 'string'
      ? [[String(name), bin]]
      : Array.isArray(bin)
        ? bin.map((one) => [posix.basename(String(one)), one])
        : Object.entries(recordOf(bin))
  const plain = entries
    .filter((one): one is [string, string] => typeof one[1] === 'string')
    .map(([command, target]) => [posix.basename(insidePath(command)), insidePath(target)] as const)
    .filter(([command, target]) => command !== '' && target !== '')
  return plain.length === 0 ? undefined : Object.fromEntries(plain)
}

function insidePath(path: string): string {
  return posix.normalize(`/${path.replaceAll(/[\\:]/g, '/')}`).slice(1)
}
