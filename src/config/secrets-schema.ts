import { z } from 'zod'
import { secretNameForm, secretNamePattern } from '../lib/index.ts'
import { name } from './name-schema.ts'
import { rotationSchema } from './rotation-schema.ts'

const path = z
  .string()
  .max(500)
  // What begins with a hyphen could be taken for an option.
  .regex(/^[^-\s][^\p{Cc}]*$/u, 'the path of a secret in its store')
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'a path without . and ..')

/** `secrets:` of mayfly.yaml: what is said of a secret beside its value, which never stands there. */
export const secretsSchema = z
  .record(
    z.string().regex(secretNamePattern, secretNameForm),
    z
      .strictObject({
        store: name
          .optional()
          .describe('A name under `secret_stores`: there it is kept, and not in the vault.'),
        path: path.optional().describe('What it is called there.'),
        field: z
          .string()
          .regex(/^[^\p{Cc}]{1,200}$/u, 'the name of a field')
          .optional()
          .describe('One text of several: a field of the item, or of the JSON object that is its value.'),
        version: z
          .union([
            z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'a version as the store calls it'),
            z.int().min(1),
          ])
          .transform(String)
          .optional()
          .describe('As the store calls it; the newest if left out.'),
        owner: z.string().min(1).max(200).optional(),
        description: z.string().max(1_000).optional(),
        tags: z.record(z.string().regex(/^[a-z][a-z0-9._-]{0,62}$/), z.string().max(200)).optional(),
        rotation: rotationSchema.optional(),
      })
      .refine((one) => one.store === undefined || one.rotation === undefined, {
        path: ['rotation'],
        error: 'a secret that is kept in a store is rotated there',
      })
      .refine((one) => (one.store === undefined) === (one.path === undefined), {
        path: ['path'],
        error: '`store` and `path` belong together',
      })
      .refine((one) => one.store !== undefined || (one.field ?? one.version) === undefined, {
        path: ['store'],
        error: '`field` and `version` are of a secret that is kept in a store: name the `store`',
      }),
  )
  .default({})
  .describe('Secrets that are kept elsewhere, or of which something is to be said beside their value.')

export type SecretConfig = z.output<typeof secretsSchema>[string]
