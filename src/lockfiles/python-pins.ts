import { MayflyError } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import type { Pin, Tell } from './pin.ts'
import { isProjectName, isPythonFile, isPythonVersion, normalizedProject } from './python-names.ts'

/** What a lockfile of Python says of one file, or of the files of one version, as it stands there. */
export interface PythonEntry {
  readonly name: unknown
  readonly version: unknown
  /** `sha256:HEX`. Of a named file one that counts; otherwise each is of another file of the version. */
  readonly hashes: readonly unknown[]
  /** The file's name, if the lockfile tells files apart; else it is taken from `resolved`. */
  readonly file?: unknown
  readonly resolved?: unknown
  /** How the entry begins in the text of the lockfile, if not by its name as TOML has it. */
  readonly entry?: string
  readonly line?: number
}

/** Collects what one lockfile pins; what stands there several times is one pin. */
export interface PythonPins {
  /** An entry that names no project is left out, and said. Throws `bad_input` if it contradicts another one. */
  add(entry: PythonEntry): void
  all(): Pin[]
}

export function createPythonPins(tell: Tell): PythonPins {
  const known = new Map<string, { readonly pin: Omit<Pin, 'integrity'>; readonly digests: Set<string> }>()
  return {
    add({ name, version, hashes, file, resolved, entry = `name = ${JSON.stringify(name)}`, line }) {
      if (!isProjectName(name) || !isPythonVersion(version))
        return tell.gap(entry, 'it names no project and version of an index', line)
      const named = file ?? fileIn(resolved)
      const pin: Omit<Pin, 'integrity'> = {
        ...{ ecosystem: 'pypi', name: normalizedProject(name), version },
        ...(isPythonFile(named) ? { file: named } : {}),
        ...(typeof resolved === 'string' && resolved !== '' ? { resolved } : {}),
      }
      const key = `${pin.name} ${version} ${pin.file ?? ''}`
      const { digests } = known.get(key) ?? { digests: new Set() }
      for (const one of hashes.map(integrityOf)) if (one !== '') digests.add(one)
      if (pin.file !== undefined && digests.size > 1)
        throw new MayflyError('bad_input', `the lockfile pins ${pin.file} to two digests`)
      if (!known.has(key)) known.set(key, { pin, digests })
    },
    all: () => [...known.values()].map(({ pin, digests }) => ({ ...pin, integrity: [...digests].join(' ') })),
  }
}

/** Why a requirement pins nothing. */
export const noExactVersion = 'it names no exact version (==1.0)'

const hexChars: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** Those that can be forged are left out: a file that has no other is refused. */
function integrityOf(hash: unknown): string {
  const [algorithm = '', hex = ''] = typeof hash === 'string' ? hash.split(':') : []
  return hex.length === hexChars[algorithm] && /^[0-9a-f]+$/i.test(hex) ? integrityOfHex(algorithm, hex) : ''
}

function fileIn(resolved: unknown): string | undefined {
  const url = typeof resolved === 'string' ? URL.parse(resolved) : null
  if (url === null) return undefined
  try {
    return decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
  } catch {
    return undefined
  }
}
