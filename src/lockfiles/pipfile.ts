import { MayflyError } from '../lib/index.ts'
import { outsideOf } from './npm-pins.ts'
import type { Pin, TellOutside } from './pin.ts'
import { createPythonPins } from './python-pins.ts'
import { listOf } from './toml.ts'
import { recordOf } from './yaml.ts'

/** Reads Pipfile.lock: in `default`, `develop` and categories of one's own `version: "==1.0"` and `hashes`. Throws `bad_input`. */
export function readPipfileLock(text: string, tell: TellOutside): Pin[] {
  const pins = createPythonPins()
  for (const [category, packages] of Object.entries(recordOf(parse(text)))) {
    if (category === '_meta') continue
    for (const [name, one] of Object.entries(recordOf(packages))) {
      const { version, hashes, git, file, path } = recordOf(one)
      if (typeof git === 'string') tell(outsideOf(name, `git+${git}`))
      else if (typeof file === 'string') tell(outsideOf(name, file))
      else if (path === undefined && typeof version === 'string' && version.startsWith('=='))
        pins.add({ name, version: version.replace(/^={2,3}/, ''), hashes: listOf(hashes) })
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
