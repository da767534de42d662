import { z } from 'zod'
import { duration, durationSeconds, name } from './name-schema.ts'
import { askedUrl as url } from './plain-url.ts'
import { secretReference } from './secret-reference.ts'

const mount = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,126}$/, 'a mount’s path')
const region = z.string().regex(/^[a-z0-9-]{1,40}$/, 'a region')
const common = {
  ca: z.string().max(100_000).optional().describe('PEM, trusted beside the system’s.'),
  cache: duration
    .refine((text) => durationSeconds(text) <= 60, 'at most 60s')
    .default('60s')
    .describe('How long a value is kept in memory. It is not used beyond that, also if the store is down.'),
}
const inCloud = { ...common, endpoint: url.optional().describe('Instead of the cloud’s own.') }
const named = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name that the server was given')

const store = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('openbao'),
      url,
      mount: mount.default('secret'),
      namespace: mount.optional(),
      auth: z.union([
        z.strictObject({ token: secretReference }),
        z.strictObject({
          jwt: z
            .strictObject({
              role: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,126}$/, 'a role'),
              mount: mount.default('jwt'),
              audience: z.string().min(1).max(500).optional().describe('The store’s URL if left out.'),
            })
            .describe('Mayfly’s own OIDC identity, subject `server:secret-store/NAME`: no secret is kept.'),
        }),
      ]),
      ...common,
    })
    .describe('OpenBao or HashiCorp Vault, KV version 2.'),
  z.strictObject({ kind: z.literal('1password-connect'), url, token: secretReference, ...common }),
  z.strictObject({ kind: z.literal('aws-secrets-manager'), region, ...inCloud }),
  z.strictObject({ kind: z.literal('aws-ssm'), region, ...inCloud }),
  z.strictObject({
    kind: z.literal('gcp-secret-manager'),
    project: z.string().regex(/^[a-z0-9][a-z0-9.:-]{0,62}$/, 'a project'),
    ...inCloud,
  }),
  z.strictObject({
    kind: z.literal('azure-key-vault'),
    url: url.describe('`https://NAME.vault.azure.net`'),
    ...common,
  }),
  z
    .strictObject({ kind: z.literal('file'), folder: named, cache: common.cache })
    .describe('Files of a folder of the server’s machine: `mayfly up --secret-files NAME=FOLDER`.'),
  z
    .strictObject({ kind: z.literal('command'), command: named, cache: common.cache })
    .describe('What a program on the server’s machine prints: `mayfly up --secret-command NAME=PROGRAM`.'),
])

export const secretStoresSchema = z
  .record(name, store)
  .default({})
  .describe(
    'Where secrets are kept beside the vault. Nothing of them is copied: they are read when they are used.',
  )

export type SecretStoreConfig = z.output<typeof store>
