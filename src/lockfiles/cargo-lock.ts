import { parse } from 'smol-toml'
import { MayflyError, firstLineOf } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import type { Pin, Tell } from './pin.ts'
import { recordOf } from './yaml.ts'

/**
 * Reads Cargo.lock (versions 1 to 4): `[[package]]` with `name`, `version`, `source` and `checksum`, SHA-256 in hex of the .crate;
 * the first version has the checksums in `[metadata]`. Names in lower case. Throws `bad_input`.
 */
export function readCargoLock(text: string, tell: Tell): Pin[] {
  const document = recordOf(parsed(text))
  const packages = document['package']
  if (!Array.isArray(packages))
    throw new MayflyError('bad_input', 'Cargo.lock has no packages: run cargo generate-lockfile')
  const metadata = recordOf(document['metadata'])
  return packages.flatMap((entry) => {
    const { name, version, source, checksum } = recordOf(entry)
    // What is a folder of the workspace has no source.
    if (source === undefined) return []
    if (typeof name !== 'string' || typeof version !== 'string' || typeof source !== 'string') {
      tell.gap(`name = ${JSON.stringify(name)}`, 'it names no crate, version and source')
      return []
    }
    const registry = /^(?:registry|sparse)\+(https?:\/\/.+)$/.exec(source)?.[1]
    if (registry === undefined) {
      tell.outside({ name: shown(name), kind: 'git', host: hostOf(source) })
      return []
    }
    const hex = checksum ?? metadata[`checksum ${name} ${version} (${source})`]
    return [
      {
        ...{ ecosystem: 'cargo' as const, name: name.toLowerCase(), version, resolved: registry },
        // As the registry spells it.
        file: `${name}-${version}.crate`,
        integrity: typeof hex === 'string' && /^[0-9a-f]{64}$/.test(hex) ? integrityOfHex('sha256', hex) : '',
      },
    ]
  })
}

function parsed(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new MayflyError('bad_input', `Cargo.lock cannot be read: ${firstLineOf(error)}`)
  }
}

/** It is shown to people: what is no name is not. */
function shown(name: string): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : '?'
}

function hostOf(source: string): string {
  return URL.parse(source.replace(/^git\+/, ''))?.hostname ?? ''
}
