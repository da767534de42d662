import type { Command } from './command.ts'

const maxCommands = 2_000
/** What stands before a program and starts it all the same. */
const prefixes =
  /^(?:exec|time|command|env|nice|nohup|then|do|else|if|while|until|!|\{|\(|xargs|npx|pnpx|bunx|dlx|corepack)$/
const assignment = /^[A-Za-z_]\w*\+?=/

/**
 * The simple commands of a shell script, by their words. No shell: what is computed, aliased or called by another program is not seen, so what
 * comes of it is a first policy, and the gateway denies the rest.
 */
export function commandsOf(script: string): Command[] {
  const commands: Command[] = []
  for (const words of simpleCommands(script.replaceAll(/\\\r?\n/g, ' '))) {
    if (commands.length >= maxCommands) break
    const command = commandOf(words)
    if (command !== undefined) commands.push(command)
  }
  return commands
}

function commandOf(words: readonly string[]): Command | undefined {
  let at = 0
  let isRun = false
  while (at < words.length) {
    const word = words[at] ?? ''
    if (prefixes.test(word)) isRun ||= /^(?:npx|pnpx|bunx|dlx)$/.test(word)
    // Options of what stands before it, as far as they have no value of their own.
    else if (!assignment.test(word) && !(at > 0 && word.startsWith('-'))) break
    at++
  }
  const program = words[at]
  if (program === undefined) return isRun ? { program: 'npx', words: [] } : undefined
  return {
    program: program.slice(program.lastIndexOf('/') + 1),
    words: words.slice(at + 1),
    ...(isRun && !words.slice(0, at).some((word) => /^--no(?:-install)?$/.test(word))
      ? { isFetched: true }
      : {}),
  }
}

const separators = new Set([';', '&', '|', '\n', '(', ')'])

/** Words between separators; quotes are taken off, and what is computed is kept as it is written. */
function simpleCommands(script: string): string[][] {
  const found: string[][] = []
  let words: string[] = []
  let word: string | undefined
  const endWord = () => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  const endCommand = () => {
    endWord()
    if (words.length > 0) found.push(words)
    words = []
  }
  for (let at = 0; at < script.length; at++) {
    const char = script[at] ?? ''
    const computed = computedAt(script, at)
    if (computed !== undefined) {
      word = (word ?? '') + computed
      at += computed.length - 1
    } else if (char === "'" || char === '"') {
      const end = quoteEnd(script, at, char)
      word = (word ?? '') + script.slice(at + 1, end)
      at = end
    } else if (char === '#' && word === undefined) {
      const end = script.indexOf('\n', at)
      at = (end === -1 ? script.length : end) - 1
    } else if (separators.has(char)) endCommand()
    else if (/\s/.test(char)) endWord()
    else if (char === '\\') word = (word ?? '') + (script[++at] ?? '')
    else word = (word ?? '') + char
  }
  endCommand()
  return found
}

/** `${{ ... }}` and `${...}`: what separates words in them separates nothing. */
function computedAt(script: string, at: number): string | undefined {
  const close = script.startsWith('${{', at) ? '}}' : script.startsWith('${', at) ? '}' : undefined
  if (close === undefined) return undefined
  const end = script.indexOf(close, at)
  return end === -1 || end - at > 2_000 ? undefined : script.slice(at, end + close.length)
}

function quoteEnd(script: string, at: number, quote: string): number {
  for (let end = at + 1; end < script.length; end++) {
    if (script[end] === '\\' && quote === '"') end++
    else if (script[end] === quote) return end
  }
  return script.length
}
