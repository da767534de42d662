import { MayflyError } from '../lib/index.ts'
import { createNpmPins, outsideOf, splitSpec } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { readYaml, recordOf } from './yaml.ts'

/**
 * Reads pnpm-lock.yaml of versions 6 and 9: `packages` has `/name@1.0.0(peer@2.0.0)`, without slash and peers in 9. There may be
 * a second document before it, for pnpm itself and its plugins. Throws `bad_input`.
 */
export function readPnpmLock(text: string, tell: Tell): Pin[] {
  const pins = createNpmPins(tell)
  for (const document of readYaml(text, 'pnpm-lock.yaml')) {
    const { lockfileVersion, packages } = recordOf(document)
    if (Number.parseFloat(String(lockfileVersion)) < 6)
      throw new MayflyError(
        'bad_input',
        'pnpm-lock.yaml is older than version 6: make it with pnpm 8 or later',
      )
    for (const [key, entry] of Object.entries(recordOf(packages))) {
      const { resolution, ...named } = recordOf(entry)
      const { integrity, tarball, repo, type } = recordOf(resolution)
      // Of the workspace: a folder, or a file in it.
      if (type === 'directory' || String(tarball).startsWith('file:')) continue
      const { name, version } = nameIn(key, named)
      if (type === 'git') tell.outside(outsideOf(String(name), `git+${String(repo)}`))
      else if (version === undefined && typeof tarball === 'string')
        tell.outside(outsideOf(String(name), tarball))
      else pins.add({ entry: key, name, version: version ?? named['version'], integrity, resolved: tarball })
    }
  }
  return pins.all()
}

/**
 * The package that an entry is of; no version, if none of a registry stands in its key but an address: `github.com/octo/core/abc`,
 * `@codeload.github.com/octo/core/tar.gz/abc`, `core@https://host/core.tgz`.
 */
function nameIn(key: string, named: Readonly<Record<string, unknown>>): { name: unknown; version?: string } {
  const plain = key.replace(/\(.*$/s, '')
  // Version 6 has another registry's host in front (`host+4873/@octo/core@1.0.0`), version 9 a name for it (`core@work:1.0.0`).
  const { name, version } =
    /^(?:\/|(?!@)[^/@]+\/)?(?<name>(?:@[^/@]+\/)?[^/@]+)@(?:[a-z][a-z0-9._-]*:)?(?<version>\d+\.\d+\.\d+[^/:]*)$/i.exec(
      plain,
    )?.groups ?? {}
  if (name !== undefined && version !== undefined) return { name, version }
  return { name: named['name'] ?? splitSpec(plain.replace(/^\//, ''))?.name }
}
