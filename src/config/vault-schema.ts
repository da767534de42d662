import { z } from 'zod'
import { askedUrl as url } from './plain-url.ts'

const file = z.string().min(1).max(4_000)
const ca = file.optional().describe('A file of PEM certificates to trust beside the system’s.')
const segment = (what: string) => z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$/, what)
const mount = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,126}$/, 'a mount’s path')

const provider = z.union([
  z.strictObject({
    'key-file': z.strictObject({ path: file }).describe('32 bytes in base64, in a file for its owner only.'),
  }),
  z.strictObject({
    passphrase: z
      .strictObject({
        file: file
          .optional()
          .describe('A file that holds it; without it, it is given with `mayfly vault unseal`.'),
      })
      .describe('A key made of it by scrypt.'),
  }),
  z.strictObject({
    'aws-kms': z.strictObject({
      key: z.string().min(1).max(2_048).describe('Id or ARN of a symmetric key.'),
      region: z.string().regex(/^[a-z0-9-]{1,40}$/, 'a region'),
      endpoint: url.optional(),
      ca,
    }),
  }),
  z.strictObject({
    'gcp-kms': z.strictObject({
      key: z
        .string()
        .regex(
          /^projects\/[^/\s]+\/locations\/[^/\s]+\/keyRings\/[^/\s]+\/cryptoKeys\/[^/\s]+$/,
          '`projects/P/locations/L/keyRings/R/cryptoKeys/K`',
        ),
      credentials: file.optional().describe('Instead of the application default ones.'),
      endpoint: url.optional(),
      ca,
    }),
  }),
  z.strictObject({
    'azure-key-vault': z.strictObject({
      vault: url.describe('`https://NAME.vault.azure.net`'),
      key: segment('a key’s name').describe('An RSA key.'),
      ca,
    }),
  }),
  z.strictObject({
    transit: z
      .strictObject({
        url,
        key: segment('a key’s name'),
        mount: mount.default('transit'),
        namespace: mount.optional(),
        auth: z.union([
          z.strictObject({ token_file: file }),
          z.strictObject({ jwt_file: file, role: segment('a role'), mount: mount.default('jwt') }),
        ]),
        ca,
      })
      .describe('OpenBao or HashiCorp Vault.'),
  }),
  z.strictObject({
    pkcs11: z
      .strictObject({
        module: file.describe('The library of the module.'),
        token: z.string().min(1).max(32).describe('The token’s label.'),
        key: z.string().min(1).max(200).describe('The label of an RSA key pair.'),
        hash: z
          .enum(['sha256', 'sha1'])
          .default('sha256')
          .describe('Of RSA-OAEP; `sha1` for modules that know no other, such as SoftHSM.'),
        pin_file: file,
      })
      .describe('A hardware module, by OpenSC’s pkcs11-tool.'),
  }),
])

/** `mayfly up --vault FILE`: what the vault's keys are wrapped by. It is the server's own: nobody applies it from afar. */
export const vaultSchema = z
  .strictObject({
    use: z.string().describe('Which of them a new store is made with, and `mayfly vault rekey` goes to.'),
    providers: z.record(
      z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name has lower-case letters, digits and hyphens'),
      provider,
    ),
  })
  .refine(({ use, providers }) => use === 'key-file' || use in providers, {
    path: ['use'],
    message: 'names none of the providers',
  })

export type VaultDocument = z.output<typeof vaultSchema>
export type ProviderConfig = VaultDocument['providers'][string]
