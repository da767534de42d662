import { z } from 'zod'
import { demandsSchema } from './demands-schema.ts'

const path = z.string().min(1).max(1_000)

/** A file of `mayfly verify --policy`. */
export const verifyPolicySchema = z
  .strictObject({
    root: path
      .optional()
      .describe(
        'A file with the root key of your Mayfly (`mayfly attest root fetch --root-out FILE`, or of its operators): PEM. The trust document it signed is fetched from `server`, or stands in `trust_document`.',
      ),
    trust_document: path
      .optional()
      .describe(
        'The trust document beside `root`, as a file (`mayfly attest root fetch --document FILE`, once a week): then nobody is asked.',
      ),
    server: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Your Mayfly. MAYFLY_SERVER if left out.'),
    trusted_root: path
      .optional()
      .describe(
        'Instead of `root`: the trusted root of your Mayfly in Sigstore’s form (`/.well-known/mayfly/trusted-root.json`), as a file. It knows no keys that sign without certificates, and of a revoked one only its end.',
      ),
    shared_root: path
      .optional()
      .describe(
        'A trusted root under which others sign, too (Sigstore’s, GitHub’s). Of what a statement under it says only the certificate counts.',
      ),
    require: demandsSchema.describe('What has to be so; docs/verify.md says what each means.'),
  })
  .refine(
    ({ root, trusted_root: trusted, shared_root: shared }) =>
      [root, trusted, shared].filter((one) => one !== undefined).length <= 1,
    {
      error: 'name one of root, trusted_root and shared_root: they say whose signatures count',
      path: ['root'],
    },
  )
