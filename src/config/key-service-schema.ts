import { z } from 'zod'
import { askedUrl as url } from './plain-url.ts'

/*
 * Where keys are that are not kept here, as `--vault` and `--attest` both say it: how the service is reached. Which key it is, and of
 * which kind, each of the two says itself.
 */

export const file = z.string().min(1).max(4_000)
export const segment = (what: string) => z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$/, what)
const ca = file.optional().describe('A file of PEM certificates to trust beside the system’s.')
const mount = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,126}$/, 'a mount’s path')

export const inAws = {
  region: z.string().regex(/^[a-z0-9-]{1,40}$/, 'a region'),
  endpoint: url.optional(),
  ca,
}

/** What stands before a version of a key. */
export const gcpKeyForm = String.raw`projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[^/\s]+\/cryptoKeys\/[^/\s]+`

export const inGcp = {
  credentials: file.optional().describe('Instead of the application default ones.'),
  endpoint: url.optional(),
  ca,
}

export const inAzure = { vault: url.describe('`https://NAME.vault.azure.net`'), ca }

export const inTransit = {
  url,
  key: segment('a key’s name'),
  mount: mount.default('transit'),
  namespace: mount.optional(),
  auth: z.union([
    z.strictObject({ token_file: file }),
    z.strictObject({ jwt_file: file, role: segment('a role'), mount: mount.default('jwt') }),
  ]),
  ca,
}

/** Of a key pair in a module. */
export const keyPairId = z
  .string()
  .regex(/^(?:[0-9a-f]{2}){1,32}$/, 'the id of a key pair, in hexadecimal digits')

export const inModule = {
  module: file.describe('The library of the module.'),
  token: z.string().min(1).max(32).describe('The token’s label.'),
  pin_file: file,
  environment: z
    .array(
      z
        .string()
        .regex(/^(?!MAYFLY_)[A-Za-z_][A-Za-z0-9_]{0,126}$/, 'the name of a variable, and none of ours'),
    )
    .max(32)
    .default([])
    .describe(
      'Variables of this process that the module is given, by their names, as SOFTHSM2_CONF; no other reaches it.',
    ),
}
