import { canonicalVersion, normalizedProject } from '../../lockfiles/index.ts'
import type { CoreMetadata } from './core-metadata.ts'

/** The fields of an upload, each with all that it was sent with. */
export type FormFields = ReadonlyMap<string, readonly string[]>

/** How the upload itself is spoken, and what people read: nobody resolves or installs by it. */
const free: ReadonlySet<string> = new Set([
  ...[':action', 'protocol_version', 'pyversion', 'comment', 'metadata_version', 'attestations'],
  ...['md5_digest', 'sha256_digest', 'blake2_256_digest', 'gpg_signature'],
  ...['summary', 'description', 'description_content_type', 'keywords', 'home_page', 'bugtrack_url'],
  ...['author', 'author_email', 'maintainer', 'maintainer_email', 'project_urls', 'project_url'],
  ...['license', 'license_expression', 'license_file', 'license_files', 'classifiers', 'classifier'],
  ...['platform', 'platforms', 'supported_platform', 'supported_platforms'],
])

/** What clients act by: it stands in both, or in neither. */
const held = [
  ...['requires-dist', 'requires-python', 'provides-extra', 'requires-external', 'provides-dist'],
  ...['obsoletes-dist', 'requires', 'provides', 'obsoletes', 'dynamic', 'download-url'],
]

/** Of these there is one at most: of two, some readers take the first and others the last. */
const single = ['requires-python', 'download-url']

/** As the metadata calls a field of the form; older clients have this one in the plural. */
function headerOf(field: string): string {
  return field === 'provides_extras' ? 'provides-extra' : field.replaceAll('_', '-')
}

/**
 * What the form says of a version otherwise than the metadata in its file; undefined if they agree. An index shows the form's word, and
 * tools resolve by it: who may publish only a file that somebody else built must not be able to add a dependency to it.
 */
export function whatDiffers(form: FormFields, packed: CoreMetadata, file: string): string | undefined {
  const of = (fields: FormFields, name: string) => fields.get(name) ?? []
  const [name, version] = ['name', 'version'].map((one) => of(packed, one))
  if (name?.length !== 1 || version?.length !== 1)
    return 'the metadata in its file has no one name and version'
  const isSame =
    normalizedProject(name[0] ?? '') === normalizedProject(of(form, 'name')[0] ?? '') &&
    canonicalVersion(version[0] ?? '') === canonicalVersion(of(form, 'version')[0] ?? '')
  if (!isSame) return `the metadata in its file is of ${shown([...name, ...version])}`
  const type = file.endsWith('.whl') ? 'bdist_wheel' : 'sdist'
  if (of(form, 'filetype').some((one) => one !== type))
    return `the form says filetype: ${shown(of(form, 'filetype'))}, and the file is of type ${type}`
  const said = new Map<string, string[]>(held.map((header) => [header, []]))
  for (const [field, values] of form) {
    if (free.has(field) || ['name', 'version', 'filetype'].includes(field)) continue
    // An index knows "requires_dist" alone: what "requires-dist" says it would not show.
    if (!/^[a-z0-9_]+$/.test(field) || (field === 'provides_extras' && form.has('provides_extra')))
      return `the form has ${JSON.stringify(field.slice(0, 50))}, which an index does not read`
    said.set(headerOf(field), [...(said.get(headerOf(field)) ?? []), ...values])
  }
  for (const [header, values] of said) {
    const inFile = of(packed, header)
    if ([...values, ...inFile].some((one) => /=\?|\ufffd/.test(one)))
      return `${header.slice(0, 50)} is in an encoding that readers do not agree on`
    if (single.includes(header) && Math.max(values.length, inFile.length) > 1)
      return `${header} stands twice, of which readers take one`
    if (plain(values) !== plain(inFile))
      return `the form says ${header.slice(0, 50)}: ${shown(values)}, and the metadata in its file ${shown(inFile)}`
  }
  return undefined
}

/** Without the order in which they stand, and what is said twice. */
function plain(values: readonly string[]): string {
  const texts = values
    .map((one) => one.replaceAll(/[ \t\r\n]+/g, ' ').replaceAll(/^ | $/g, ''))
    .filter((one) => one !== '')
  return JSON.stringify([...new Set(texts)].toSorted())
}

function shown(values: readonly string[]): string {
  return values.length === 0 ? 'does not' : JSON.stringify(values).slice(0, 300)
}
