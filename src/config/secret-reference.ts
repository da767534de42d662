import { z } from 'zod'
import { secretNamePattern } from '../lib/index.ts'

export const secretReference = z
  .string()
  .regex(
    new RegExp(`^secret:${secretNamePattern.source.slice(1)}`),
    'a reference `secret:NAME` to the vault (`mayfly secret set NAME`)',
  )

/** The name in `secret:NAME`. */
export function secretName(reference: string): string {
  return reference.slice('secret:'.length)
}
