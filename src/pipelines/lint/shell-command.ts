import type { Span } from '../model.ts'

/** What a place in a shell script is part of. */
export interface ShellCommand {
  /** The program that is given it; undefined where that is the shell itself. */
  readonly word: string | undefined
  /** `echo` or its like, and nothing takes what it says but the log. */
  readonly isPrinted: boolean
  /** The value of a variable: `X=$Y`, `export X=$Y`. */
  readonly isAssigned: boolean
}

/** Looked at on each side. */
const maxChars = 1_000
const maxLines = 10
const printing = new Set(['echo', 'printf', 'Write-Host', 'Write-Output', 'print'])
/** What may stand in front of a command. */
const leading = new Set(['then', 'do', 'else', '!', 'sudo', 'exec', 'time'])
/** Words of the shell: they start no program that others could look at. */
const own = new Set([
  ...[
    'export',
    'test',
    '[',
    '[[',
    'if',
    'elif',
    'while',
    'until',
    'case',
    'for',
    'local',
    'declare',
    'readonly',
    'read',
    'set',
    'unset',
  ],
  ...[
    'return',
    'exit',
    'eval',
    'source',
    '.',
    ':',
    'cat',
    'echo',
    'printf',
    'then',
    'else',
    'do',
    '!',
    'set_output',
  ],
])

/** The command around a place of a script, as far as lines tell; `script` is where that stands in the file. */
export function commandAt(text: string, { start, end }: Span, script: Span): ShellCommand {
  const before = lineBefore(text, start, script.start)
  const parts = before.split(/\|\||&&|[;|&()`]/)
  const words = (parts.at(-1) ?? '')
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
  while (words.length > 1 && (isAssignment(words[0]) || leading.has(words[0] ?? ''))) words.shift()
  const [first] = words
  const isAssigned =
    first === undefined || isAssignment(first) || (first === 'export' && isAssignment(words.at(-1)))
  // Behind a bracket stand the arguments of what began before it.
  const word = first?.startsWith('-') === true ? 'a program' : first?.replaceAll(/["']/g, '')
  const isPrinted = word !== undefined && printing.has(word) && !isTaken(text.slice(end, end + maxChars))
  return {
    word:
      isAssigned || word === undefined || word === '' || (own.has(word) && !isPrinted)
        ? undefined
        : word.slice(0, 60),
    isPrinted,
    isAssigned,
  }
}

/** The line of the script up to the place, and the lines that it continues. */
function lineBefore(text: string, start: number, script: number): string {
  let from = text.lastIndexOf('\n', start - 1) + 1
  for (let lines = 0; lines < maxLines && from > 1 && text.slice(0, from - 1).endsWith('\\'); lines++)
    from = text.lastIndexOf('\n', from - 2) + 1
  const line = text.slice(Math.max(from, script, start - maxChars), start)
  // The quotes of YAML, and the escapes in them.
  return line
    .replace(/^["']{1,3}/, '')
    .replaceAll('\\\n', ' ')
    .replaceAll('\\"', '"')
}

function isAssignment(word: string | undefined): boolean {
  return word !== undefined && /^["']?[A-Za-z_]\w*\+?=/.test(word)
}

/** What follows on the line goes to another program or a file. */
function isTaken(after: string): boolean {
  const [line = ''] = after.split('\n')
  return /\||>/.test(line)
}
