import { randomInt } from 'node:crypto'
import { charactersOf, type RotatorConfig } from '../../config/index.ts'

/** A value that Mayfly chooses: one of each class and the rest of all of them, in an order of chance. */
export function generated(how: NonNullable<RotatorConfig<'http'>['generate']>): string {
  const { length, of } = typeof how === 'number' ? { length: how, of: [] } : how
  const classes = of.map((name) => charactersOf(name).split(''))
  const all =
    classes.length === 0
      ? (charactersOf('letters') + charactersOf('digits')).split('')
      : [...new Set(classes.flat())]
  const rest = Array.from({ length: length - classes.length }, () => oneOf(all))
  return shuffled([...classes.map(oneOf), ...rest]).join('')
}

function oneOf(characters: readonly string[]): string {
  return characters[randomInt(characters.length)] ?? ''
}

/** Each order is as likely (Fisher and Yates). */
function shuffled(characters: readonly string[]): string[] {
  const left = [...characters]
  return characters.map(() => left.splice(randomInt(left.length), 1)[0] ?? '')
}
