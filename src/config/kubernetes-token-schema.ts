import { z } from 'zod'
import { audience } from './identity-schema.ts'
import { credentialTtl as ttl } from './name-schema.ts'
import { secretReference } from './secret-reference.ts'

export const kubernetesToken = z
  .strictObject({
    service_account: z
      .string()
      .regex(
        /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/,
        'NAMESPACE/NAME of a service account',
      )
      .describe('Whose tokens: what it may do, its role bindings in the cluster say.'),
    admin: secretReference.describe(
      'A token that may create `serviceaccounts/token` of that account, and create and delete `secrets` in its namespace.',
    ),
    audiences: z
      .array(audience)
      .min(1)
      .max(10)
      .optional()
      .describe('For whom the token is, if not for the API server’s own default.'),
    ttl,
  })
  .describe(
    'Tokens of a service account (TokenRequest), each bound to a Secret that is made for the step and deleted at its end: the cluster takes the token no more, ten seconds later at most.',
  )
