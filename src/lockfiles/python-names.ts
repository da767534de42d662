/** A project as the package index calls it (PEP 503): lower case, and each run of `-`, `_` and `.` is one `-`. */
export function normalizedProject(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-')
}

/** A project's name in any spelling (PEP 508); ASCII alone, so that none looks like another. */
export function isProjectName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length <= 128 &&
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)
  )
}

// It stands in a path.
export function isPythonVersion(version: unknown): version is string {
  return (
    typeof version === 'string' && version.length <= 128 && /^[A-Za-z0-9][A-Za-z0-9.+!_-]*$/.test(version)
  )
}

/** A file of a release: a wheel, or a source archive. */
export function isPythonFile(file: unknown): file is string {
  return (
    typeof file === 'string' &&
    file.length <= 256 &&
    /^[A-Za-z0-9][A-Za-z0-9._+!-]*\.(?:whl|tar\.gz|tgz|tar\.bz2|tar\.xz|zip|egg)$/.test(file)
  )
}

const form =
  /^v?(?:(?<epoch>\d{1,9})!)?(?<release>\d+(?:\.\d+)*)(?:[-_.]?(?<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?<preNumber>\d*))?(?<post>-(?<bare>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?<postNumber>\d*))?(?<dev>[-_.]?dev[-_.]?(?<devNumber>\d*))?(?:\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/
const preNames: Readonly<Record<string, string>> = {
  alpha: 'a',
  beta: 'b',
  c: 'rc',
  pre: 'rc',
  preview: 'rc',
}

/** The one spelling of all versions that are the same by PEP 440; what is no such version stays as it is, in lower case. */
export function canonicalVersion(version: string): string {
  return normalizedVersion(version).replace(/^((?:\d+!)?\d+(?:\.\d+)*?)(?:\.0)+(?!\.?\d)/, '$1')
}

/**
 * A version as PEP 440 writes it: `v1.0.0-RC.1` is `1.0.0rc1`, with the zeros at the end of the release. What is no such version
 * (old projects have them) is in lower case.
 */
export function normalizedVersion(version: string): string {
  const lower = version.toLowerCase()
  const parts = lower.length <= 128 ? form.exec(lower)?.groups : undefined
  if (parts === undefined) return lower
  const { epoch = '0', release = '', pre, preNumber, post, bare, postNumber, dev, devNumber, local } = parts
  return [
    plain(epoch) === '0' ? '' : `${plain(epoch)}!`,
    release.split('.').map(plain).join('.'),
    pre === undefined ? '' : `${preNames[pre] ?? pre}${plain(preNumber)}`,
    post === undefined ? '' : `.post${plain(bare ?? postNumber)}`,
    dev === undefined ? '' : `.dev${plain(devNumber)}`,
    local === undefined ? '' : `+${local.split(/[-_.]/).map(plain).join('.')}`,
  ].join('')
}

/** A number without zeros in front; nothing is zero. */
function plain(part: string | undefined): string {
  return part === undefined || part === '' ? '0' : /^\d+$/.test(part) ? part.replace(/^0+(?=\d)/, '') : part
}
