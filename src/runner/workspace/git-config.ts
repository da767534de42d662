/** What a configuration of Git names, as far as it is files; read by lines, since it may be anybody's (git-config(1)). */

/** Lines that are read; a configuration of people is shorter. */
const maxLineChars = 4_096
const maxNamed = 100

/** `path = FILE` of an include, behind a section's head or alone, quoted or not, with a comment behind it. */
export function includesOf(text: string): string[] {
  return valuesOf(text, 'path')
}

/** `hooksPath = FOLDER`. */
export function hookFoldersOf(text: string): string[] {
  return valuesOf(text, 'hooksPath')
}

/** `helper = store --file=FILE`: a file of any name with what `.git-credentials` has (git-credential-store(1)). */
export function storesOf(text: string): string[] {
  return linesOf(text)
    .flatMap((line) => /--file[= ]["']?([^\s"'\\]+)/.exec(line)?.[1] ?? [])
    .slice(0, maxNamed)
}

function valuesOf(text: string, key: 'path' | 'hooksPath'): string[] {
  const wanted = new RegExp(`(?:^|\\])[ \\t]{0,64}${key}[ \\t]{0,64}=[ \\t]{0,64}(.*)$`, 'i')
  return linesOf(text)
    .flatMap((line) => valueIn(wanted.exec(line)?.[1]) ?? [])
    .slice(0, maxNamed)
}

function linesOf(text: string): string[] {
  return text.split(/[\r\n]+/).filter((line) => line.length <= maxLineChars)
}

function valueIn(value: string | undefined): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(value ?? '')?.[1]
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1')
  return value?.replace(/[;#].*$/, '').trim()
}
