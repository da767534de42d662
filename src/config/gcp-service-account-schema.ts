import { z } from 'zod'
import { audience } from './identity-schema.ts'

const place = z
  .string()
  .regex(
    /^(?:https:\/\/[a-z0-9.-]{1,253}|http:\/\/127\.0\.0\.1)(?::[0-9]{1,5})?$/,
    'https:// and a host (http:// only on 127.0.0.1): a credential is not asked for in the clear',
  )

export const gcpServiceAccount = z
  .strictObject({
    workload_identity_provider: z
      .string()
      .regex(
        /^projects\/[0-9]{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{4,32}\/providers\/[a-z0-9-]{4,32}$/,
        'a provider by its full name: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER',
      ),
    service_account: z
      .string()
      .regex(/^[a-z0-9-]{1,63}@[a-z0-9.-]{1,200}\.gserviceaccount\.com$/, 'the address of a service account')
      .optional()
      .describe(
        'Whose tokens they are: Mayfly’s identity must be its Workload Identity User. Without one the identity itself has the rights (`principal://`).',
      ),
    audience: audience
      .optional()
      .describe(
        'For whom Mayfly’s identity token is; as Google expects it if left out: https://iam.googleapis.com/ and the provider’s name.',
      ),
    scopes: z
      .array(
        z
          .string()
          .regex(/^https:\/\/www\.googleapis\.com\/auth\/[a-z0-9_.-]{1,100}$/, 'an OAuth scope of Google’s'),
      )
      .min(1)
      .max(20)
      .default(['https://www.googleapis.com/auth/cloud-platform']),
    boundary: z
      .enum(['grants', 'none'])
      .default('grants')
      .describe(
        'Whether a token is narrowed to buckets and prefixes by a Credential Access Boundary, where all grants on the connection are of objects: Google has none for other services.',
      ),
    sts: place.default('https://sts.googleapis.com').describe('Where the Security Token Service is.'),
    iam_credentials: place
      .default('https://iamcredentials.googleapis.com')
      .describe('Where the service account’s tokens come from.'),
  })
  .describe(
    'Access tokens of Google Cloud for Mayfly’s own OIDC identity (workload identity federation), of a service account or of the identity itself. No key is kept anywhere. They end by their expiry, an hour at most: nobody can end one before.',
  )

/** For whom Mayfly's identity token is. */
export function gcpAudience(config: {
  readonly audience?: string | undefined
  readonly workload_identity_provider: string
}): string {
  return config.audience ?? `https://iam.googleapis.com/${config.workload_identity_provider}`
}
