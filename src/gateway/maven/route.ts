import { kinds } from '../../kinds/index.ts'

/** What a path of a repository names (maven.apache.org/repositories/layout.html). */
export type Route = FileRoute | { readonly kind: 'metadata'; readonly coordinates: string }

export interface FileRoute {
  readonly kind: 'file'
  /** GROUP:ARTIFACT. */
  readonly coordinates: string
  readonly version: string
  /** The file's own name, without the suffix of what stands beside it. */
  readonly file: string
  /** A checksum or signature of the file rather than the file. */
  readonly beside: boolean
}

const suffix = /(?:\.(?:asc|sigstore(?:\.json)?))?(?:\.(?:md5|sha1|sha256|sha512))?$/

/** Undefined for folders, indexes, and what has no place in the layout. */
export function routeOf(path: string): Route | undefined {
  const segments = path.slice(1).split('/')
  const name = segments.pop() ?? ''
  if (name === '' || segments.some((one) => !/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(one))) return undefined
  if (/^maven-metadata(?:-[A-Za-z0-9_.-]+)?\.xml$/.test(name.replace(suffix, ''))) return metadataIn(segments)
  const [version = '', artifact = ''] = [segments.pop(), segments.pop()]
  const coordinates = `${groupOf(segments)}:${artifact}`
  const file = name.replace(suffix, '')
  // A snapshot's files have the time of their building in the place of SNAPSHOT.
  const base = version.replace(/-SNAPSHOT$/, '')
  if (!isCoordinates(coordinates) || !isVersion(version)) return undefined
  if (!/^[A-Za-z0-9_.+-]+$/.test(file) || !file.startsWith(`${artifact}-${base}`)) return undefined
  return { kind: 'file', coordinates, version, file, beside: file !== name }
}

/** Of an artifact, or, for a snapshot, of one version of it: which there are is said by the registry alone. */
function metadataIn(segments: readonly string[]): Route | undefined {
  const last = segments.at(-1) ?? ''
  const parts = last.endsWith('-SNAPSHOT') ? segments.slice(0, -1) : segments
  const coordinates = `${groupOf(parts.slice(0, -1))}:${parts.at(-1) ?? ''}`
  return isCoordinates(coordinates) ? { kind: 'metadata', coordinates } : undefined
}

/** The folders of a group: a dot in one of them would make `com.octo` of another place than `com/octo`. */
function groupOf(folders: readonly string[]): string {
  return folders.some((one) => one.includes('.')) ? '' : folders.join('.')
}

function isCoordinates(text: string): boolean {
  return text !== '' && kinds.maven.path.form.is(text)
}

function isVersion(text: string): boolean {
  return kinds.maven.ref.form.is(text)
}

/** purl-spec, type `maven`. */
export function purlOf({ coordinates, version, file }: FileRoute): string {
  const [group = '', name = ''] = coordinates.split(':')
  return `pkg:maven/${group}/${name}@${encodeURIComponent(version)}?file_name=${encodeURIComponent(file)}`
}
