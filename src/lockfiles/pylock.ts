import { MayflyError } from '../lib/index.ts'
import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins } from './python-pins.ts'
import { listOf, readToml } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads pylock.toml and pylock.NAME.toml (PEP 751). Throws `bad_input`. */
export function readPylock(text: string, tell: Tell): Pin[] {
  const lock = readToml(text, 'pylock.toml')
  const format = lock['lock-version']
  if (typeof format !== 'string' || !/^1(?:\.|$)/.test(format))
    throw new MayflyError('bad_input', 'pylock.toml has no "lock-version" of 1: make it anew')
  const pins = createPythonPins(tell)
  for (const one of listOf(lock['packages'])) {
    const { name, version, vcs, archive, directory, sdist, wheels } = recordOf(one)
    if (vcs !== undefined) tell.outside(outsideOf(String(name), `git+${String(recordOf(vcs)['url'])}`))
    const { url } = recordOf(archive)
    if (typeof url === 'string') tell.outside(outsideOf(String(name), url))
    if (vcs !== undefined || archive !== undefined || directory !== undefined) continue
    const files = [sdist, ...listOf(wheels)].filter((file) => file !== undefined).map(recordOf)
    if (files.length === 0) pins.add({ name, version, hashes: [] })
    for (const file of files)
      pins.add({ name, version, hashes: strongestOf(file['hashes']), ...placeOf(file) })
  }
  return pins.all()
}

/** A file may have several hashes, all of them of the same bytes. */
function strongestOf(hashes: unknown): string[] {
  const known = recordOf(hashes)
  const algorithm = ['sha512', 'sha384', 'sha256'].find((name) => Object.hasOwn(known, name))
  return algorithm === undefined ? [] : [`${algorithm}:${String(known[algorithm])}`]
}

function placeOf({ name, url, path }: Readonly<Record<string, unknown>>): {
  file?: unknown
  resolved?: unknown
} {
  const inPath = typeof path === 'string' ? path.slice(path.lastIndexOf('/') + 1) : undefined
  return { file: name ?? (url === undefined ? inPath : undefined), resolved: url }
}
