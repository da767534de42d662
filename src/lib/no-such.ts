import { MayflyError } from './errors.ts'
import { didYouMean } from './pattern.ts'

const longestWord = 200

/** `not_found`: there is none by this name, and which one was probably meant. */
export function noSuch(what: string, name: string, known: Iterable<string>): MayflyError {
  const word = name.slice(0, longestWord)
  const near = didYouMean(word, known)
  return new MayflyError(
    'not_found',
    `there is no ${what} ${word}${near === undefined ? '' : `: did you mean ${near}?`}`,
  )
}
