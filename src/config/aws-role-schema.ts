import { z } from 'zod'
import { isForCredentials, isOfNoMetadata } from './plain-url.ts'
import { audience } from './identity-schema.ts'
import { duration, durationSeconds } from './name-schema.ts'
import { secretReference } from './secret-reference.ts'

/** STS takes no more (AssumeRole, `Policy`). */
const maxPolicyChars = 2_048

export const awsRole = z
  .strictObject({
    role: z
      .string()
      .regex(
        /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]{1,576}$/,
        'the ARN of a role: arn:aws:iam::123456789012:role/NAME',
      ),
    audience: audience
      .default('sts.amazonaws.com')
      .describe('For whom Mayfly’s identity token is, as the role’s identity provider says.'),
    key: secretReference
      .optional()
      .describe(
        'Instead of Mayfly’s own identity: an access key that may assume the role, as `ACCESS_KEY_ID:SECRET_ACCESS_KEY`.',
      ),
    external_id: z
      .string()
      .regex(/^[\w+=,.@:/-]{2,1224}$/, 'what the role’s trust policy asks for as sts:ExternalId')
      .optional(),
    duration: duration
      .default('1h')
      .refine(
        (text) => durationSeconds(text) >= 900 && durationSeconds(text) <= 43_200,
        '15m to 12h, which AWS allows',
      )
      .describe(
        'How long a session lives at most; over 1h the role itself must allow it. A step that takes longer gets the next one.',
      ),
    session_policy: z
      .union([
        z.enum(['grants', 'none']),
        z
          .string()
          .max(maxPolicyChars)
          .regex(/^\s*\{/, '`grants`, `none`, or a policy in JSON'),
      ])
      .default('grants')
      .describe(
        'What a session may do at most, beside what the role may: what the role’s grants on this connection say, as far as IAM has words for it; nothing less (`none`); or a policy of your own, in JSON.',
      ),
    sts: z
      .url({ protocol: /^https?$/ })
      .refine(isForCredentials, 'https:// (http:// only on a loopback address)')
      .refine(isOfNoMetadata, 'a host that is no link-local or metadata address')
      .optional()
      .describe('Where STS is, if it is neither at the connection’s `url` nor in its first region.'),
  })
  .refine(({ key, external_id: id }) => id === undefined || key !== undefined, {
    path: ['external_id'],
    message: 'goes with `key`: AssumeRoleWithWebIdentity knows none',
  })
  .describe(
    'Sessions of an IAM role (STS): for Mayfly’s own OIDC identity, which the role’s trust policy names, or for a vaulted access key. With session tags for run, role and repository. They end by their expiry: nobody can end one before.',
  )
