import { kinds } from '../../kinds/index.ts'

/** What a path of a registry names (guides.rubygems.org, "Compact Index API" and "RubyGems.org API"). */
export type Route =
  | { readonly kind: 'root' }
  | { readonly kind: 'names' }
  | { readonly kind: 'info'; readonly gem: string }
  | { readonly kind: 'file'; readonly file: 'gem' | 'gemspec'; readonly full: string }
  | { readonly kind: 'publish' }

/** Undefined for what is neither of the index, nor a file, nor `gem push`. */
export function routeOf(method: string, path: string): Route | undefined {
  if (method === 'POST') return path === '/api/v1/gems' ? { kind: 'publish' } : undefined
  if (method !== 'GET' && method !== 'HEAD') return undefined
  if (method === 'HEAD' && path === '/') return { kind: 'root' }
  if (/^\/(?:versions|names|(?:latest_|prerelease_)?specs\.4\.8\.gz)$/.test(path)) return { kind: 'names' }
  const gem = /^\/info\/([A-Za-z0-9_.-]+)$/.exec(path)?.[1]
  if (gem !== undefined) return kinds.rubygems.path.form.is(gem) ? { kind: 'info', gem } : undefined
  const [, gemFile, specFile] =
    /^\/(?:gems\/([A-Za-z0-9_.-]+)\.gem|quick\/Marshal\.4\.8\/([A-Za-z0-9_.-]+)\.gemspec\.rz)$/.exec(path) ??
    []
  const full = gemFile ?? specFile
  return full === undefined
    ? undefined
    : { kind: 'file', file: gemFile === undefined ? 'gemspec' : 'gem', full }
}

/** A gem, and one of its versions with its platform as the index writes it: `1.15.0-x86_64-linux`. */
export interface Release {
  readonly gem: string
  readonly written: string
  /** Without the platform. */
  readonly version: string
}

/** The ways to read `NAME-VERSION[-PLATFORM]`: a name may have hyphens and digits, and a platform, too. */
export function releasesIn(full: string): Release[] {
  const found: Release[] = []
  for (let at = full.indexOf('-'); at !== -1 && found.length < 4; at = full.indexOf('-', at + 1)) {
    const release = releaseOf(full.slice(0, at), full.slice(at + 1))
    if (release !== undefined) found.push(release)
  }
  return found
}

export function releaseOf(gem: string, written: string): Release | undefined {
  const { path, ref } = kinds.rubygems
  const [version = '', ...platform] = written.split('-')
  if (gem === '' || !path.form.is(gem) || !ref.form.is(version) || written.length > 200) return undefined
  return platform.length === 0 || /^[A-Za-z0-9_.-]+$/.test(platform.join('-'))
    ? { gem, written, version }
    : undefined
}

/** purl-spec, type `gem`. */
export function purlOf({ gem, written, version }: Release): string {
  const platform = written.slice(version.length + 1)
  return `pkg:gem/${gem}@${version}${platform === '' ? '' : `?platform=${encodeURIComponent(platform)}`}`
}
