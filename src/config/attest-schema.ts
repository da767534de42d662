import { z } from 'zod'
import { secretNameForm, secretNamePattern } from '../lib/index.ts'
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
import { keepSeconds, keepTime } from './logs-schema.ts'
import { plainUrl } from './plain-url.ts'

const secret = z.string().regex(secretNamePattern, secretNameForm)

/** Every one names exactly one key: which one signs must not change because somebody rotated it there. */
const keyForms = [
  z.strictObject({
    'key-file': z.strictObject({ path: file }).describe('PEM (PKCS#8), in a file for its owner only.'),
  }),
  z.strictObject({ secret: secret.describe('The same in the vault, by `mayfly secret set NAME`.') }),
  z.strictObject({
    'aws-kms': z.strictObject({
      key: z
        .string()
        .min(1)
        .max(2_048)
        .describe('Id or ARN of a key of ECC_NIST_P256 that is for SIGN_VERIFY.'),
      ...inAws,
    }),
  }),
  z.strictObject({
    'gcp-kms': z.strictObject({
      key: z
        .string()
        .regex(
          new RegExp(String.raw`^${gcpKeyForm}\/cryptoKeyVersions\/[1-9][0-9]{0,9}$`),
          '`projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`',
        )
        .describe('A version of a key of EC_SIGN_P256_SHA256.'),
      ...inGcp,
    }),
  }),
  z.strictObject({
    'azure-key-vault': z.strictObject({
      ...inAzure,
      key: segment('a key’s name').describe('A key of P-256, kind EC or EC-HSM.'),
      version: z.string().regex(/^[0-9a-f]{32}$/, 'a version: 32 hexadecimal digits'),
    }),
  }),
  z.strictObject({
    transit: z
      .strictObject({
        ...inTransit,
        version: z.int().min(1).max(1_000_000).default(1).describe('Of the key, which is of ecdsa-p256.'),
      })
      .describe('OpenBao or HashiCorp Vault.'),
  }),
  z.strictObject({
    pkcs11: z
      .strictObject({
        ...inModule,
        id: keyPairId.describe('Of a key pair of P-256: `pkcs11-tool --id`.'),
      })
      .describe('A hardware module, by OpenSC’s pkcs11-tool.'),
  }),
] as const

const key = z.union(keyForms).describe('A key of ECDSA on P-256.')

const sigstore = z.strictObject({
  sigstore: z
    .strictObject({
      fulcio: plainUrl('on a loopback address').default('https://fulcio.sigstore.dev'),
      rekor: plainUrl('on a loopback address').describe(
        'A log of Rekor v2. The public ones change their address about twice a year.',
      ),
      timestamp: plainUrl('on a loopback address').default('https://timestamp.sigstore.dev'),
      audience: z.string().min(1).max(500).default('sigstore').describe('Of the token that Fulcio takes.'),
      trusted_root: file.describe(
        'The instance’s trusted root (JSON, version 0.1), which nobody downloads: `cosign trusted-root create`, or the TUF repository’s trusted_root.json.',
      ),
      ca: file.optional().describe('A file of PEM certificates to trust beside the system’s.'),
    })
    .describe(
      'By an instance of Sigstore, with the CI’s own token: what is signed, and by whom, is in its public log.',
    ),
})

/** `mayfly up --attest FILE`: by what attestations are signed. It is the server's own: nobody applies it from afar. */
export const attestSchema = z
  .strictObject({
    signer: z
      .union([z.literal('keyless'), ...keyForms, sigstore])
      .default('keyless')
      .describe(
        '`keyless`: a fresh key for each signing, with a certificate of an own authority that is good for ten minutes.',
      ),
    ca: key
      .optional()
      .describe('The authority’s own key, with `keyless`. Without it one is made, and kept in the vault.'),
    next: z
      .union([
        z.literal('keyless'),
        z.strictObject({ signer: key }).describe('A key that will sign without certificates.'),
        z.strictObject({ ca: key }).describe('The key of an authority.'),
        ...keyForms,
      ])
      .optional()
      .describe(
        'What will sign next: it is published before it signs, so that nobody meets what he does not know. A key by itself takes over from one of its kind (with `keyless` the authority’s); `signer`, `ca` or `keyless` says to which kind you change. Later it becomes `signer` or `ca`.',
      ),
    receipts: z
      .enum(['published', 'always'])
      .default('published')
      .describe(
        'Which steps get a receipt by themselves: those that declared or published something, or all. Others get theirs when somebody asks.',
      ),
    public: z
      .boolean()
      .default(false)
      .describe('May anybody read `GET /attestations/DIGEST`? Without it, operators and steps alone.'),
    attach: z
      .boolean()
      .default(true)
      .describe('Are they attached to images that a step pushed, as referrers?'),
    retention: keepTime
      .refine((time) => time !== 'none', 'at least 1h')
      .default('3650d')
      .describe('How long bundles are kept for those who ask for them.'),
  })
  .refine(({ signer, ca }) => ca === undefined || signer === 'keyless', {
    path: ['ca'],
    message: 'is of use with `signer: keyless` alone: no other signer has an own authority',
  })
  .refine(({ signer, next }) => !(isSigstore(signer) && isKey(next)), {
    path: ['next'],
    message:
      'the keys of `sigstore` are made for each signing: say as what it will sign, `{ signer: KEY }` or `{ ca: KEY }`',
  })
  .refine(({ signer, ca, next }) => next !== 'keyless' || (ca === undefined && signer !== 'keyless'), {
    path: ['next'],
    message: 'it signs by certificates already: `next: { ca: KEY }` announces another authority',
  })

function isSigstore(signer: 'keyless' | object): boolean {
  return signer !== 'keyless' && 'sigstore' in signer
}

function isKey(next: 'keyless' | object | undefined): boolean {
  return typeof next === 'object' && !('signer' in next) && !('ca' in next)
}

export type AttestDocument = z.output<typeof attestSchema>
export type SigningKeyConfig = z.output<typeof key>
export type SigstoreConfig = z.output<typeof sigstore>['sigstore']

/** How long bundles are kept. */
export function attestRetentionSeconds({ retention }: AttestDocument): number {
  return keepSeconds(retention)
}
