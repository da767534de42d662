import type { Host, MadeRefs, Need, Packages, RepositoryFacts } from '../model.ts'

/** One simple command of a script, as far as words tell. */
export interface Command {
  /** The program's name without its folder. */
  readonly program: string
  /** What follows it, quotes taken off. */
  readonly words: readonly string[]
  /** `npx`, `bunx` or their like gets it from the registry where the checkout does not have it. */
  readonly isFetched?: true
}

export interface CommandFacts {
  readonly repository: RepositoryFacts
  readonly packages: Packages
  readonly refs?: MadeRefs
  /** The script whose command it is. */
  readonly script?: string
}

/** A name of that kind which nothing has. */
export function unknownIn(kind: string): string {
  return kind === 'maven' ? `${unknownName}:${unknownName}` : unknownName
}

/** Versions of nothing: the first denial says which. */
export const unknownVersions = '0.0.0'

/** What a command reaches. */
export interface Reached {
  readonly needs: readonly Need[]
  readonly hosts?: readonly Host[]
}

/** A family of programs: what of it reaches what. */
export interface Family {
  readonly programs: RegExp
  readonly reaches: (command: Command, facts: CommandFacts) => Reached
}

/** In a grant, for what the script does not say. It is there nowhere: the first denial names what to write. */
export const unknownName = 'replace-me'

export function need(connection: string, action: string, writes: boolean, path?: string, ref?: string): Need {
  return {
    connection,
    action,
    writes,
    ...(path === undefined ? {} : { path }),
    ...(ref === undefined ? {} : { ref }),
  }
}

/** Words that are no options. */
export function plainWords(words: readonly string[]): string[] {
  return words.filter((word) => !word.startsWith('-'))
}

/** The same without these options and the values behind them. */
export function wordsWithout(words: readonly string[], ...names: readonly string[]): string[] {
  return words.filter((word, i) => !names.includes(word) && !names.includes(words[i - 1] ?? ''))
}

/** The value behind an option: `--bucket NAME`, `--bucket=NAME`. */
export function optionOf(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [i, word] of words.entries()) {
    const name = names.find((one) => word === one || word.startsWith(`${one}=`))
    if (name === undefined) continue
    return word === name ? words[i + 1] : word.slice(name.length + 1)
  }
  return undefined
}

/** A word as a pattern: what a variable or an expression will be nobody knows here. */
export function asPattern(word: string): string {
  return word
    .replaceAll(/\$\{\{[^}]*\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|`[^`]*`/g, '*')
    .replaceAll(/\*+/g, '*')
}

/** The word if it says something, else the name that is there nowhere: a bare `*` would grant everything. */
export function narrow(word: string | undefined): string {
  const pattern = asPattern(word ?? '')
  return /^[*/]*$/.test(pattern) ? unknownName : pattern
}
