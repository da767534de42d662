import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { azureApp } from './azure-app-schema.ts'
import { awsRole } from './aws-role-schema.ts'
import { gcpServiceAccount } from './gcp-service-account-schema.ts'
import { httpIssuerProblems } from './http-issuer-check.ts'
import { kubernetesToken } from './kubernetes-token-schema.ts'
import { credentialTtl as ttl, duration } from './name-schema.ts'
import { audience } from './identity-schema.ts'
import { mysqlRole, postgresRole } from './database-account-schema.ts'
import { askedUrl as apiUrl, isForCredentials, isOfNoMetadata } from './plain-url.ts'
import { sshCertificate } from './ssh-certificate-schema.ts'
import { secretReference } from './secret-reference.ts'

/** Headers that say how a message is read or where it goes. */
const reserved =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|cookie)$/i

const injected = [
  z.strictObject({
    basic: secretReference.describe('HTTP Basic; the secret holds `user:password` (RFC 7617).'),
  }),
  z.strictObject({
    bearer: secretReference.describe('`Authorization: Bearer`; the secret holds the token.'),
  }),
  z.strictObject({
    'ssh-key': secretReference.describe(
      'For a host by SSH: the secret holds the private key, in OpenSSH’s form or PEM, without a passphrase.',
    ),
  }),
  z.strictObject({
    header: z
      .strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'a header name')
          .refine((one) => !reserved.test(one), 'a header that carries a credential, such as X-Api-Key'),
        prefix: z
          .string()
          .regex(/^[\x21-\x7e ]{1,40}$/, 'printable ASCII')
          .optional()
          .describe('Written in front of the secret: `token ` with its space.'),
        secret: secretReference,
      })
      .describe('A header of another name; the secret holds its value.'),
  }),
  z.strictObject({
    query: z
      .strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,62}$/, 'a name of letters, digits, `_`, `.` and `-`'),
        secret: secretReference,
      })
      .describe('A parameter of the query, for APIs that know nothing better; the secret holds its value.'),
  }),
]

const templateUrl = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[^\s/?#@{}]+(?:[/?][^\s#]*)?$/, {
    error: 'a URL whose host is written out; its path and query may have `{id}`',
    abort: true,
  })
  .refine((text) => isForCredentials(unfilled(text)), 'a URL of a host (http:// only on a loopback address)')
  .refine((text) => isOfNoMetadata(unfilled(text)), 'a host that is no link-local or metadata address')

export const httpRequest = z
  .strictObject({
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
    url: templateUrl,
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'a header name')
          .refine(
            (one) => !reserved.test(one) || /^content-type$/i.test(one),
            'a header that Mayfly does not write itself',
          ),
        z.string().max(2_000),
      )
      .default({}),
    basic: z.string().max(2_000).optional().describe('`user:password` for HTTP Basic: `{secret.admin}`.'),
    json: z
      .unknown()
      .optional()
      .describe(
        'The body as JSON; a text that is one name in braces keeps its type: `"{lease.ttl}"` is a number.',
      ),
    form: z
      .record(z.string().min(1).max(100), z.string().max(2_000))
      .optional()
      .describe('The body as a form.'),
  })
  .refine(({ json, form }) => json === undefined || form === undefined, {
    path: ['form'],
    message: 'a body is `json` or a `form`',
  })
  .refine(({ method, json, form }) => method !== 'GET' || (json === undefined && form === undefined), {
    path: ['method'],
    message: 'GET has no body',
  })

const answerPath = z
  .string()
  .regex(
    /^(?:\$(?:\.[A-Za-z0-9_-]+|\[[0-9]{1,3}\])+|header:[A-Za-z0-9-]+)$/,
    '`$.a.b[0]` of the JSON answer, or `header:NAME`',
  )
const itemPath = z.string().regex(/^\$(?:\.[A-Za-z0-9_-]+|\[[0-9]{1,3}\])+$/, '`$.a.b[0]` of one item')

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function unfilled(template: string): string {
  return template.replaceAll(/[{}]/g, '')
}

/** One member of each issuer's name: what it needs to mint. No secret stands here, only names of secrets. */
const minted = [
  z.strictObject({
    'github-app': z
      .strictObject({
        app_id: z.int().positive().describe('The App’s id, or its client id’s number.'),
        installation_id: z
          .int()
          .positive()
          .optional()
          .describe('Which installation; found by the repository’s owner if left out.'),
        key: secretReference.describe('The App’s private key, PEM.'),
        api: apiUrl
          .optional()
          .describe(
            '`https://api.github.com` if left out; of GitHub Enterprise Server `https://HOST/api/v3`.',
          ),
        permissions: z
          .record(z.string().regex(/^[a-z_]{1,60}$/), z.enum(['read', 'write', 'admin']))
          .optional()
          .describe(
            'At most these; what the role’s grants need if left out. With `workflows: write` whoever may push may push files of workflows.',
          ),
        all_repositories: z
          .boolean()
          .optional()
          .describe(
            'Where a grant has a `*` for its repositories: the token is for all that the App is installed for, since GitHub takes names only.',
          ),
      })
      .describe(
        'Installation access tokens of a GitHub App, for the repositories and permissions of the step’s grants.',
      ),
  }),
  z.strictObject({
    'gitlab-token': z
      .strictObject({
        admin: secretReference.describe('A token with scope `api` whose owner may make access tokens there.'),
        of: z
          .string()
          .regex(/^(?:project|group):[A-Za-z0-9_.][A-Za-z0-9_./-]{0,250}$/, '`project:PATH` or `group:PATH`')
          .describe('Whose access tokens: `project:octo/app` or `group:octo`.'),
        scopes: z
          .array(z.string().regex(/^[a-z_]{1,60}$/))
          .min(1)
          .max(20),
        access_level: z
          .enum(['guest', 'planner', 'reporter', 'developer', 'maintainer'])
          .default('developer'),
        api: apiUrl.optional().describe('`https://gitlab.com/api/v4` if left out.'),
      })
      .describe('Access tokens of a GitLab project or group, made for a step and revoked with it.'),
  }),
  z.strictObject({
    'registry-token': z
      .strictObject({
        key: secretReference.describe(
          'The private key that the registry trusts (its `rootcertbundle`), PEM: EC on P-256 or RSA.',
        ),
        certificate: z
          .string()
          .max(20_000)
          .refine(
            isCertificate,
            'a certificate in PEM, and those between it and the registry’s root after it',
          )
          .optional()
          .describe(
            'The certificate of that key, PEM, for `x5c`; without it the registry knows the key by `kid`.',
          ),
        kid: z
          .string()
          .min(1)
          .max(200)
          .optional()
          .describe(
            'What the registry calls the key; as distribution 2 calls those of `rootcertbundle` if left out.',
          ),
        issuer: z.string().min(1).max(200).describe('`issuer` in the registry’s configuration.'),
        service: z.string().min(1).max(200).describe('`service` in the registry’s configuration.'),
      })
      .describe(
        'Distribution tokens that Mayfly signs itself, for the repositories and actions of the step’s grants; no account at the registry is needed.',
      ),
  }),
  z.strictObject({
    'oauth-client': z
      .strictObject({
        token_url: apiUrl,
        client_id: z.string().min(1).max(500),
        client_secret: secretReference.optional(),
        client_auth: z
          .enum(['basic', 'post'])
          .default('basic')
          .describe(
            'How the server wants the secret: `client_secret_basic`, or `client_secret_post` in the form.',
          ),
        assertion: z
          .strictObject({ audience: z.string().min(1).max(500).optional() })
          .optional()
          .describe('Instead of a secret: Mayfly’s own OIDC identity signs for the client (RFC 7523).'),
        scopes: z
          .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/))
          .max(50)
          .default([]),
        parameters: z
          .record(
            z
              .string()
              .regex(/^[A-Za-z_]{1,60}$/)
              .refine(
                (name) => !/^(?:grant_type|scope|client_.*)$/.test(name),
                'a further parameter: the grant, the client and `scopes` have keys of their own',
              ),
            z.string().max(1_000),
          )
          .default({})
          .describe('Further ones, such as `audience` or `resource`.'),
        revoke_url: apiUrl.optional().describe('RFC 7009; without it a token ends by its expiry.'),
        introspect_url: apiUrl.optional().describe('RFC 7662: asked afterwards whether the token is dead.'),
        ttl,
      })
      .refine(
        ({ client_secret: secret, assertion }) => (secret === undefined) !== (assertion === undefined),
        {
          path: ['client_secret'],
          message: 'one of `client_secret` and `assertion` proves who the client is',
        },
      )
      .describe('OAuth 2.0 client credentials (RFC 6749, section 4.4).'),
  }),
  z.strictObject({
    'http-issuer': z
      .strictObject({
        admin: z
          .record(z.string().regex(/^[a-z][a-z0-9_]{0,30}$/), secretReference)
          .default({})
          .describe('Secrets, by the names under which requests use them: `{secret.admin}`.'),
        identity: z
          .strictObject({
            audience: audience.describe('For whom the token is, as the API says.'),
            aws_session_tags: z
              .boolean()
              .optional()
              .describe('With the claim that AWS reads session tags from.'),
          })
          .optional()
          .describe(
            'Instead of a secret: an identity token of Mayfly’s own OIDC issuer for the step’s role, which `mint` and `renew` show as `{identity.token}`.',
          ),
        mint: httpRequest,
        extract: z
          .record(z.string().regex(/^[a-z][a-z0-9_]{0,30}$/), answerPath)
          .describe(
            'What the answer holds: `token` or `username` and `password`; `id` for revoking; `expires_in` (seconds) or `expires_at` (RFC 3339, or Unix time); whatever else a request or `deliver` needs.',
          ),
        authorization: z
          .union([
            z.strictObject({ bearer: z.string().max(2_000) }),
            z.strictObject({ basic: z.string().max(2_000) }),
            z.strictObject({ value: z.string().max(2_000) }),
          ])
          .optional()
          .describe(
            'What the gateway writes into `Authorization`: `{ value: "token {token}" }`. If left out `Bearer` with `{token}`, or HTTP Basic with `{username}` and `{password}`.',
          ),
        renew: httpRequest.optional(),
        revoke: httpRequest
          .optional()
          .describe('2xx and 404 say that it is revoked. Without it, it ends by its expiry.'),
        revoked_within: duration
          .optional()
          .describe('How long the API may take to act on it; at once if left out.'),
        probe: httpRequest
          .safeExtend({
            dead: z
              .array(z.int().min(400).max(499))
              .min(1)
              .max(10)
              .optional()
              .describe(
                'The statuses that say that it is dead. If left out 401, 403 and 404; only 404 if the request shows a secret of `admin`, whose own 401 and 403 would say nothing of the credential.',
              ),
          })
          .optional()
          .describe('Asked with the credential afterwards, and when the host answers 403: is it dead?'),
        find: z
          .strictObject({
            request: httpRequest,
            items: itemPath
              .optional()
              .describe('Where its answer has the list; the answer itself if left out.'),
            name: itemPath.describe('Where an item has its name: it is ours if `{lease.name}` is in it.'),
            id: itemPath.describe('Where an item has what requests call `{id}`.'),
          })
          .optional()
          .describe(
            'How to find, by `{lease.name}`, what was made by a request whose answer never came. Pages are followed (`Link`, rel="next").',
          ),
        ttl,
      })
      .superRefine((config, context) => {
        for (const { path, message } of httpIssuerProblems(config))
          context.addIssue({ code: 'custom', path: [...path], message })
      })
      .describe('Any API that makes credentials, by requests written here.'),
  }),
  z.strictObject({ 'postgres-role': postgresRole }),
  z.strictObject({ 'mysql-role': mysqlRole }),
  z.strictObject({ 'ssh-certificate': sshCertificate }),
  z.strictObject({ 'aws-role': awsRole }),
  z.strictObject({ 'kubernetes-token': kubernetesToken }),
  z.strictObject({ 'gcp-service-account': gcpServiceAccount }),
  z.strictObject({ 'azure-app': azureApp }),
]

export const credential = z
  .union([...injected, ...minted])
  .describe('What the gateway adds on the way. Steps never see it. Leave it out for a host that needs none.')

export const deliver = z
  .strictObject({
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of a variable'),
        z.string().max(2_000),
      )
      .default({}),
    files: z
      .record(
        z
          .string()
          .regex(
            /^(?!.*(?:^|\/)\.\.(?:\/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]{0,199}$/,
            'a path within the step’s home',
          ),
        z.string().max(20_000),
      )
      .default({}),
  })
  .describe(
    'For tools that no gateway can stand before: a minted credential, and never a kept one, is handed to steps whose role has `KIND:credential NAME`. Texts have its fields in braces: `{username}`, `{password}`, `{token}`, `{private_key}`, `{certificate}`, `{home}`.',
  )

export type CredentialSchema = z.output<typeof credential>

export type DeliverConfig = z.output<typeof deliver>
