import { isDeepStrictEqual } from 'node:util'
import { foldedName } from '../archives/index.ts'
import { isRecord, recordOf } from './json.ts'
import { bundledNames, hasGyp, listOf, plainBin, plainDependencies, plainScripts } from './manifest-forms.ts'

type Manifest = Readonly<Record<string, unknown>>

/** What people read, and what npm notes of its own: no client acts by it when it installs. */
const free: ReadonlySet<string> = new Set([
  ...['description', 'keywords', 'author', 'contributors', 'maintainers', 'repository', 'repositories'],
  ...['bugs', 'homepage', 'license', 'licenses', 'funding', 'readme', 'readmeFilename', 'files', 'man'],
  ...['types', 'typings', 'gitHead', '_from', '_resolved', '_integrity'],
  ...['_nodeVersion', '_npmVersion', '_npmUser', 'dist'],
])

/** What clients act by, in the form that it has after npm's own clearing up: it stands in both, or in neither. */
const held: Readonly<Record<string, (of: Manifest, files: readonly string[]) => unknown>> = {
  name: ({ name }) => (typeof name === 'string' ? name.trim() : name),
  version: ({ version }) =>
    typeof version === 'string'
      ? version
          .trim()
          .replace(/^[=v]+/, '')
          .replace(/\+.*$/, '')
      : version,
  dependencies: (of) => plainDependencies(of, 'dependencies'),
  devDependencies: (of) => plainDependencies(of, 'devDependencies'),
  optionalDependencies: (of) => plainDependencies(of, 'optionalDependencies'),
  peerDependencies: (of) => of['peerDependencies'],
  peerDependenciesMeta: (of) => of['peerDependenciesMeta'],
  bundleDependencies: bundledNames,
  scripts: plainScripts,
  bin: plainBin,
  engines: ({ engines }) => engines,
  os: ({ os }) => listOf(os),
  cpu: ({ cpu }) => listOf(cpu),
  libc: ({ libc }) => listOf(libc),
}

/** What the registry's document says of a version otherwise than the package.json in its file; undefined if they agree. */
export function whatDiffers(
  document: Manifest,
  packed: Manifest,
  files: readonly string[],
): string | undefined {
  const wrong = wrongNote(document, packed, files)
  if (wrong !== undefined) return wrong
  // Of the two spellings npm reads the first, and others the other one.
  for (const { bundledDependencies: older, bundleDependencies: newer } of [document, packed])
    if (older !== undefined && newer !== undefined && !isDeepStrictEqual(older, newer))
      return 'it has bundleDependencies and bundledDependencies, which differ'
  const others = Object.keys(document).filter((key) => !free.has(key) && !noted.has(key))
  const key = [...new Set([...Object.keys(held), ...others])].find(
    (one) => !agree(one, document, packed, files),
  )
  return key === undefined
    ? undefined
    : `the document says ${key.slice(0, 50)}: ${shown(document[key])}, and package.json in its file ${shown(packed[key])}`
}

function agree(key: string, document: Manifest, packed: Manifest, files: readonly string[]): boolean {
  if (key === 'bin' && isFromFolder(document, packed, files)) return true
  const form = Object.hasOwn(held, key) ? held[key] : (of: Manifest) => of[key]
  return isDeepStrictEqual(somethingOf(form?.(document, files)), somethingOf(form?.(packed, files)))
}

/** An empty list says what none says. */
function somethingOf(value: unknown): unknown {
  const isEmpty = value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  return isEmpty ? undefined : value
}

/** `directories.bin`: npm makes a command of each file that lies there. */
function isFromFolder(document: Manifest, packed: Manifest, files: readonly string[]): boolean {
  const { bin: folder } = recordOf(packed['directories'])
  if (typeof folder !== 'string' || somethingOf(packed['bin']) !== undefined) return false
  const inside = `${folder.replace(/^\.?\/+/, '').replace(/\/+$/, '')}/`
  return Object.entries(plainBin(document) ?? {}).every(
    ([command, target]) =>
      target.startsWith(inside) &&
      target.endsWith(`/${command}`) &&
      files.some((file) => `${file}/`.startsWith(`package/${target}/`)),
  )
}

const noted: ReadonlySet<string> = new Set([
  ...['_id', 'hasInstallScript', '_hasShrinkwrap', 'gypfile', 'bundledDependencies'],
])

/** What npm or a registry notes of the file itself. */
function wrongNote(document: Manifest, packed: Manifest, files: readonly string[]): string | undefined {
  const scripts = recordOf(plainScripts(packed, files))
  const expected: Record<string, readonly unknown[]> = {
    _id: [`${String(document['name'])}@${String(document['version'])}`],
    hasInstallScript: [['preinstall', 'install', 'postinstall'].some((one) => Object.hasOwn(scripts, one))],
    _hasShrinkwrap: [files.some((file) => foldedName(file) === 'package/npm-shrinkwrap.json')],
    gypfile: [packed['gypfile'], hasGyp(files) ? true : packed['gypfile']],
  }
  const key = Object.keys(expected).find(
    (one) => document[one] !== undefined && expected[one]?.includes(document[one]) !== true,
  )
  return key === undefined
    ? undefined
    : `the document says ${key}: ${shown(document[key])}, and its file is not so`
}

function shown(value: unknown): string {
  if (value === undefined) return 'does not'
  const text = JSON.stringify(value)
  return isRecord(value) || text.length < 200 ? text.slice(0, 200) : `${text.slice(0, 200)}…`
}
