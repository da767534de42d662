import { MayflyError } from '../lib/index.ts'
import { createNpmPins, outsideOf, splitSpec } from './npm-pins.ts'
import type { Pin, TellOutside } from './pin.ts'
import { readYaml, recordOf } from './yaml.ts'

/**
 * Reads pnpm-lock.yaml of versions 6 and 9: `packages` has `/name@1.0.0(peer@2.0.0)`, without slash and peers in 9. There may be
 * a second document before it, for pnpm itself and its plugins. Throws `bad_input`.
 */
export function readPnpmLock(text: string, tell: TellOutside): Pin[] {
  const pins = createNpmPins()
  for (const document of readYaml(text, 'pnpm-lock.yaml')) {
    const { lockfileVersion, packages } = recordOf(document)
    if (Number.parseFloat(String(lockfileVersion)) < 6)
      throw new MayflyError(
        'bad_input',
        'pnpm-lock.yaml is older than version 6: make it with pnpm 8 or later',
      )
    for (const [key, entry] of Object.entries(recordOf(packages))) {
      const { resolution, name, version } = recordOf(entry)
      const { integrity, tarball, repo, type } = recordOf(resolution)
      if (type === 'directory') continue
      const spec = splitSpec(key.replace(/^\//, '').replace(/\(.*$/s, ''))
      if (spec === undefined) continue
      const called = typeof name === 'string' ? name : spec.name
      if (type === 'git') tell(outsideOf(called, `git+${String(repo)}`))
      else if (typeof tarball === 'string' && !isVersionKey(spec.range)) tell(outsideOf(called, tarball))
      else pins.add({ name: spec.name, version: version ?? spec.range, integrity, resolved: tarball })
    }
  }
  return pins.all()
}

/** Where a version would stand a package from elsewhere has its address. */
function isVersionKey(range: string): boolean {
  return !range.includes(':') && !range.includes('/')
}
