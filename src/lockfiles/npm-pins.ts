import { MayflyError } from '../lib/index.ts'
import { joinIntegrity } from './integrity.ts'
import type { Outside, Pin, Tell } from './pin.ts'

/** What a lockfile of npm, pnpm, yarn, bun or deno says of one package, as it stands there. */
export interface NpmEntry {
  /** How the entry begins in the text of the lockfile. */
  readonly entry: string
  readonly name: unknown
  readonly version?: unknown
  readonly integrity?: unknown
  readonly resolved?: unknown
  /** See `Pin`. */
  readonly byRegistry?: true
}

/** Collects what one lockfile pins; a package that stands there several times is one pin. */
export interface NpmPins {
  /** An entry that names no package of a registry is left out, and said. Throws `bad_input` if it contradicts another one. */
  add(entry: NpmEntry): void
  all(): Pin[]
}

export function createNpmPins(tell: Tell): NpmPins {
  const known = new Map<string, Pin>()
  return {
    add({ entry, name, version, integrity, resolved, byRegistry }) {
      if (!isPackageName(name) || !isVersion(version))
        return tell.gap(entry, 'it names no package and version of a registry')
      const pin: Pin = {
        ...{ ecosystem: 'npm', name, version, integrity: typeof integrity === 'string' ? integrity : '' },
        ...(typeof resolved === 'string' && resolved !== '' ? { resolved } : {}),
        ...(byRegistry === undefined ? {} : { byRegistry }),
      }
      const key = `${name} ${version}`
      const other = known.get(key)
      known.set(key, other === undefined ? pin : joined(other, pin))
    },
    all: () => [...known.values()],
  }
}

function joined(one: Pin, other: Pin): Pin {
  const integrity = joinIntegrity(one.integrity, other.integrity)
  if (integrity === undefined)
    throw new MayflyError('bad_input', `the lockfile pins ${one.name}@${one.version} to two digests`)
  return { ...other, ...one, integrity }
}

/** Ways to say "from a Git repository" that npm, pnpm, yarn and bun write. */
const gitForm = /^(?:git(?:\+|:|@)|github:|gitlab:|bitbucket:|gist:|ssh:)|\.git(?:#|$)/

/** Whether the place is a Git repository, so no file of a registry. */
export function isGitPlace(place: string): boolean {
  return gitForm.test(place)
}

/** A dependency that no registry has: who brings it is told where it comes from, without what may stand in it as a credential. */
export function outsideOf(name: string, place: string): Outside {
  const git = isGitPlace(place)
  const hosted = /^(github|gitlab|bitbucket):/.exec(place)?.[1]
  const host = hosted === undefined ? hostIn(place) : hostedAt[hosted]
  // It is shown to people: what is no name is not.
  return { name: isPackageName(name) ? name : '?', kind: git ? 'git' : 'url', host: host ?? '' }
}

const hostedAt: Readonly<Record<string, string>> = {
  github: 'github.com',
  gitlab: 'gitlab.com',
  bitbucket: 'bitbucket.org',
}

function hostIn(place: string): string | undefined {
  const url = place.replace(/^git\+/, '')
  if (URL.canParse(url)) return new URL(url).hostname
  // scp's form: git@host:path
  return /^(?:[^@/\s]+@)?(?<host>[A-Za-z0-9.-]+):/.exec(url)?.groups?.['host']
}

// A name is a path at the registry: one that leads elsewhere names no package.
export function isPackageName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length <= 256 &&
    /^(?:@(?!\.{1,2}\/)[a-z0-9._~-]+\/)?(?!\.{1,2}$)[a-z0-9._~-]+$/i.test(name)
  )
}

// It stands in a path, too.
function isVersion(version: unknown): version is string {
  return typeof version === 'string' && version.length <= 256 && /^[0-9a-z._+~-]+$/i.test(version)
}

/** `ms@2.1.3` or `@octo/core@1.0.0`, taken apart at the `@` behind the name. */
export function splitSpec(spec: string): { name: string; range: string } | undefined {
  const at = spec.indexOf('@', 1)
  return at === -1 ? undefined : { name: spec.slice(0, at), range: spec.slice(at + 1) }
}
