import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins } from './python-pins.ts'
import { listOf, readToml } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads pdm.lock: `files` with names or, by its option static_urls, with addresses; older ones have them in `[metadata.files]`. Throws `bad_input`. */
export function readPdmLock(text: string, tell: Tell): Pin[] {
  const lock = readToml(text, 'pdm.lock')
  const pins = createPythonPins(tell)
  const apart = recordOf(recordOf(lock['metadata'])['files'])
  for (const one of listOf(lock['package'])) {
    const { name, version, files, git, url, path } = recordOf(one)
    if (typeof git === 'string') tell.outside(outsideOf(String(name), `git+${git}`))
    else if (typeof url === 'string') tell.outside(outsideOf(String(name), url))
    if (git !== undefined || url !== undefined || path !== undefined) continue
    const key = `${String(name)} ${String(version)}`
    const listed = listOf(files ?? (Object.hasOwn(apart, key) ? apart[key] : []))
    if (listed.length === 0) pins.add({ name, version, hashes: [] })
    for (const { file, url: resolved, hash } of listed.map(recordOf))
      pins.add({ name, version, file, resolved, hashes: [hash] })
  }
  return pins.all()
}
