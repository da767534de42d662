import { MayflyError } from '../lib/index.ts'
import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins, noExactVersion } from './python-pins.ts'
import { listOf } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads Pipfile.lock: in `default`, `develop` and categories of one's own `version: "==1.0"` and `hashes`. Throws `bad_input`. */
export function readPipfileLock(text: string, tell: Tell): Pin[] {
  const pins = createPythonPins(tell)
  for (const [category, packages] of Object.entries(recordOf(parse(text)))) {
    if (category === '_meta') continue
    for (const [name, one] of Object.entries(recordOf(packages))) {
      const { version, hashes, git, file, path } = recordOf(one)
      if (typeof git === 'string') tell.outside(outsideOf(name, `git+${git}`))
      else if (typeof file === 'string') tell.outside(outsideOf(name, file))
      else if (path !== undefined) continue
      else if (typeof version === 'string' && version.startsWith('=='))
        pins.add({
          ...{ name, version: version.replace(/^={2,3}/, ''), hashes: listOf(hashes) },
          entry: JSON.stringify(name),
        })
      else tell.gap(JSON.stringify(name), noExactVersion)
    }
  }
  return pins.all()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MayflyError('bad_input', 'Pipfile.lock is not JSON', { cause })
  }
}
