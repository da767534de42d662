import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins } from './python-pins.ts'
import { listOf, readToml } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads uv.lock: of packages from a registry `sdist` and `wheels`, each with its address and hash. Throws `bad_input`. */
export function readUvLock(text: string, tell: Tell): Pin[] {
  const pins = createPythonPins(tell)
  for (const one of listOf(readToml(text, 'uv.lock')['package'])) {
    const { name, version, source, sdist, wheels } = recordOf(one)
    const { registry, git, url } = recordOf(source)
    if (typeof git === 'string') tell.outside(outsideOf(String(name), `git+${git}`))
    else if (typeof url === 'string') tell.outside(outsideOf(String(name), url))
    if (typeof registry !== 'string') continue
    const files = [sdist, ...listOf(wheels)].filter((file) => file !== undefined).map(recordOf)
    if (files.length === 0) pins.add({ name, version, hashes: [] })
    for (const { url: resolved, hash, filename } of files)
      pins.add({ name, version, hashes: [hash], file: filename, resolved })
  }
  return pins.all()
}
