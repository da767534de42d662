import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins } from './python-pins.ts'
import { listOf, readToml } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads poetry.lock: `files` of each package, and in versions before 2.0 `[metadata.files]` for all of them. Throws `bad_input`. */
export function readPoetryLock(text: string, tell: Tell): Pin[] {
  const lock = readToml(text, 'poetry.lock')
  const pins = createPythonPins(tell)
  const apart = recordOf(recordOf(lock['metadata'])['files'])
  for (const one of listOf(lock['package'])) {
    const { name, version, files, source } = recordOf(one)
    const { type, url } = recordOf(source)
    if (type === 'directory' || type === 'file') continue
    if (type === 'git' || type === 'url') {
      tell.outside(outsideOf(String(name), type === 'git' ? `git+${String(url)}` : String(url)))
      continue
    }
    const listed = listOf(
      files ?? (typeof name === 'string' && Object.hasOwn(apart, name) ? apart[name] : []),
    )
    if (listed.length === 0) pins.add({ name, version, hashes: [] })
    for (const { file, hash } of listed.map(recordOf)) pins.add({ name, version, file, hashes: [hash] })
  }
  return pins.all()
}
