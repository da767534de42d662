import { readdirSync, statSync, type Dirent } from 'node:fs'
import { join } from 'node:path'

/**
 * What programs of the system read of /etc to start at all; `*` in a part stands for any run of characters. Nothing else of it is
 * there: no shadow, no ssh keys, no machine-id, no other tool's credentials. Of a tool whose settings may name a password only the
 * files are named that cannot: Maven's settings.xml, R's Renviron.site, gemrc and pip.conf are not.
 */
const names = [
  'ImageMagick-*',
  'OpenCL',
  'R/Makeconf',
  'R/Renviron',
  'R/ldpaths',
  'R/repositories',
  'alternatives',
  'ant',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'debian_version',
  'dotnet',
  'fonts',
  'ghostscript',
  'groovy',
  'java',
  'java-*',
  'jvm-*',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'lsb-release',
  'magic',
  'magic.mime',
  'maven/logging',
  'maven/m2.conf',
  'maven/toolchains.xml',
  'mime.types',
  'os-release',
  'papersize',
  'perl',
  'php/*/cli',
  'php/*/mods-available',
  'protocols',
  'python3',
  'python3.*',
  'services',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'texmf',
  'vulkan',
]

const maxDepth = 8

/**
 * The options of bwrap that show it, read-only. What not every user of the machine may read is empty: a supervisor that is root
 * shows a step no more than a user would see (the passwords of the JVM's management lie beside its settings).
 */
export function etcMounts(emptyFile: string, etc = '/etc'): string[] {
  return names
    .flatMap((name) => matching(etc, name.split('/')))
    .flatMap((path) => [...['--ro-bind', path, path], ...closedMounts(emptyFile, path)])
}

function matching(folder: string, [part = '', ...rest]: readonly string[]): string[] {
  const [before = '', after] = part.split('*')
  const found =
    after === undefined
      ? [part]
      : listed(folder)
          .map(({ name }) => name)
          .filter((name) => name.startsWith(before) && name.endsWith(after))
  const paths = found.map((name) => join(folder, name)).filter(isOpen)
  return rest.length === 0 ? paths : paths.flatMap((path) => matching(path, rest))
}

/** Of a link it counts where it leads to, if that is there inside at all. */
function closedMounts(emptyFile: string, folder: string, depth = 0): string[] {
  return listed(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    const isFolder = entry.isDirectory()
    if ((isFolder || entry.isFile()) && (!isOpen(path) || depth === maxDepth))
      return isFolder ? ['--tmpfs', path] : ['--ro-bind', emptyFile, path]
    return isFolder ? closedMounts(emptyFile, path, depth + 1) : []
  })
}

function listed(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).toSorted(({ name: one }, { name: other }) =>
      one < other ? -1 : 1,
    )
  } catch {
    // No folder, or none of ours.
    return []
  }
}

/** Whether every user may read it. */
function isOpen(path: string): boolean {
  try {
    const status = statSync(path)
    const needed = status.isDirectory() ? 0o005 : 0o004
    return (status.mode & needed) === needed
  } catch {
    return false
  }
}
