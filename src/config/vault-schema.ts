import { z } from 'zod'
import {
  file,
  gcpKeyForm,
  inAws,
  inAzure,
  inGcp,
  inModule,
  inTransit,
  keyPairId,
  segment,
} from './key-service-schema.ts'

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
      ...inAws,
    }),
  }),
  z.strictObject({
    'gcp-kms': z.strictObject({
      key: z
        .string()
        .regex(new RegExp(`^${gcpKeyForm}$`), '`projects/P/locations/L/keyRings/R/cryptoKeys/K`'),
      ...inGcp,
    }),
  }),
  z.strictObject({
    'azure-key-vault': z.strictObject({
      ...inAzure,
      key: segment('a key’s name').describe('An RSA key.'),
    }),
  }),
  z.strictObject({ transit: z.strictObject(inTransit).describe('OpenBao or HashiCorp Vault.') }),
  z.strictObject({
    pkcs11: z
      .strictObject({
        ...inModule,
        key: z.string().min(1).max(200).describe('The label of an RSA key pair.'),
        id: keyPairId
          .optional()
          .describe(
            'Its id, where the token has several: pkcs11-tool leaves the label aside when it decrypts, and takes whatever private key it finds first.',
          ),
        hash: z
          .enum(['sha256', 'sha1'])
          .default('sha256')
          .describe('Of RSA-OAEP; `sha1` for modules that know no other, such as SoftHSM.'),
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
