import { createPrivateKey, sign } from 'node:crypto'
import { signedForAws } from '../../../clouds/index.ts'
import type { Kind, Presented, Request } from '../model.ts'
import { alive, bearer, dead, get, has, header, listAt, over, says, scopesIn } from '../words.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** AWS, Google Cloud, Cloudflare, DigitalOcean, Linode, Vultr, Hetzner and Scaleway. */
export const clouds: readonly Kind[] = [
  {
    rules: ['aws-access-key-pair'],
    source: 'https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html',
    host: 'sts.us-east-1.amazonaws.com',
    // China and the sovereign partitions know other keys.
    elsewhere: 'host',
    form: /^[A-Za-z0-9/+]{40}$/,
    // `ASIA`: of a session, whose token would be needed as well.
    beside: { what: 'the id of a lasting key (AKIA...)', form: /^AKIA[A-Z2-7]{16}$/ },
    request: callerIdentity,
    meanings: [
      alive(200, has('.GetCallerIdentityResponse.GetCallerIdentityResult.Arn')),
      // `SignatureDoesNotMatch`: the id lives, and this is not its secret, or not any more.
      dead(403, says('.Error.Code', 'InvalidClientTokenId')),
    ],
    whose: [
      '.GetCallerIdentityResponse.GetCallerIdentityResult.Arn',
      '.GetCallerIdentityResponse.GetCallerIdentityResult.Account',
    ],
  },
  {
    rules: ['gcp-service-account-key'],
    source: 'https://developers.google.com/identity/protocols/oauth2/service-account#httprest',
    host: 'oauth2.googleapis.com',
    form: /^-----BEGIN (?:RSA )?PRIVATE KEY-----\\n[A-Za-z0-9+/=\\]{400,4000}-----END (?:RSA )?PRIVATE KEY-----$/,
    beside: {
      what: 'the address of its account',
      form: /^[a-z0-9.-]{1,128}@[a-z0-9.-]{1,128}\.gserviceaccount\.com$/,
    },
    // The token of an hour that it answers with is thrown away; it may read what an account is called, and no more.
    request: googleGrant,
    meanings: [
      alive(200, has('.access_token')),
      dead(
        400,
        (answer) =>
          says('.error', 'invalid_grant')(answer) &&
          says(
            '.error_description',
            /^Invalid JWT Signature|account not found|account.*(?:disabled|deleted)/,
          )(answer),
      ),
    ],
    whose: [],
  },
  {
    rules: ['cloudflare-scannable-token', 'cloudflare-api-token'],
    source: 'https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify/',
    host: 'api.cloudflare.com',
    // Tokens of accounts are verified elsewhere, and in the old form look the same.
    elsewhere: 'always',
    form: /^(?:cfut_[A-Za-z0-9]{40}[0-9a-f]{8}|[A-Za-z0-9_-]{40})$/,
    request: get('/client/v4/user/tokens/verify', bearer),
    meanings: [
      alive(200, says('.result.status', 'active')),
      over(200, says('.result.status', /^(?:disabled|expired)$/)),
      dead(401, says('.errors[0].code', 1000)),
    ],
    whose: ['.result.id'],
  },
  {
    rules: ['digitalocean-token'],
    source: 'https://docs.digitalocean.com/reference/api/digitalocean/#tag/Account',
    host: 'api.digitalocean.com',
    // What refreshes tokens would be used up.
    form: /^do[op]_v1_[a-f0-9]{64}$/,
    request: get('/v2/account', bearer),
    meanings: [
      alive(200, has('.account.uuid')),
      dead(401, says('.id', /^unauthorized$/i)),
      alive(403, says('.id', /^forbidden$/i)),
    ],
    whose: ['.account.email', '.account.team.name', '.account.uuid'],
    can: listAt('.account.status'),
  },
  {
    rules: ['linode-token'],
    source: 'https://techdocs.akamai.com/linode-api/reference/get-profile',
    host: 'api.linode.com',
    form: /^[a-f0-9]{64}$/,
    request: get('/v4/profile', bearer),
    meanings: [
      alive(200, has('.username', '.email')),
      dead(401, says('.errors[0].reason', 'Invalid Token')),
      alive(401, says('.errors[0].reason', /OAuth scope/)),
    ],
    whose: ['.username', '.email'],
    can: scopesIn('x-oauth-scopes'),
  },
  {
    rules: ['vultr-api-key'],
    source: 'https://docs.vultr.com/api/#tag/account/operation/get-account',
    host: 'api.vultr.com',
    form: /^[A-Z0-9]{36}$/,
    request: get('/v2/account', bearer),
    meanings: [
      alive(200, has('.account.acls')),
      dead(401, says('.error', /^Invalid API token/)),
      // Keys are good from some addresses alone.
      alive(401, says('.error', /^Unauthorized IP address/)),
    ],
    whose: ['.account.name', '.account.email'],
    can: listAt('.account.acls'),
  },
  {
    rules: ['hetzner-cloud-token'],
    source: 'https://docs.hetzner.cloud/reference/cloud#locations-list-locations',
    host: 'api.hetzner.cloud',
    form: /^[A-Za-z0-9]{64}$/,
    request: get('/v1/locations?per_page=1', bearer),
    meanings: [alive(200, has('.locations')), dead(401, says('.error.code', 'unauthorized'))],
    whose: [],
  },
  {
    rules: ['scaleway-key-pair'],
    source: 'https://www.scaleway.com/en/developers/api/iam/#path-api-keys-get-an-api-key',
    host: 'api.scaleway.com',
    form: new RegExp(`^${uuid}$`),
    beside: { what: 'its access key', form: /^SCW[A-Z0-9]{17}$/ },
    request: (presented) =>
      get(`/iam/v1alpha1/api-keys/${presented.beside}`, header('x-auth-token'))(presented),
    meanings: [
      alive(200, has('.access_key')),
      dead(401, says('.type', 'denied_authentication')),
      alive(403, says('.type', 'permissions_denied')),
    ],
    whose: ['.user_id', '.application_id', '.description'],
  },
]

async function callerIdentity({ base, secret, beside }: Presented): Promise<Request> {
  const url = new URL(`${base}/`)
  const body = 'Action=GetCallerIdentity&Version=2011-06-15'
  const headers = await signedForAws({
    ...{ url, service: 'sts', region: regionOf(url.hostname), body },
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      accept: 'application/json',
    },
    credentials: { accessKeyId: beside, secretAccessKey: secret },
  })
  return { method: 'POST', url: url.href, headers, body }
}

/** The endpoint of a region takes a signature for this region alone; the global one is of us-east-1. Source: AWS, Regions and endpoints of STS. */
function regionOf(host: string): string {
  const form =
    /(?:^|\.)sts(?:-fips)?\.([a-z]{2}(?:-[a-z]+){1,3}-\d{1,2})\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$/
  return form.exec(host)?.[1] ?? 'us-east-1'
}

/** JWT bearer grant (RFC 7523), for a minute. Its audience is fixed: what stands in the key's file is not believed. */
function googleGrant({ base, secret, beside, nowMs }: Presented): Request {
  const iat = Math.floor(nowMs / 1_000)
  const claims = {
    iss: beside,
    scope: 'https://www.googleapis.com/auth/userinfo.email',
    aud: 'https://oauth2.googleapis.com/token',
    ...{ iat, exp: iat + 60 },
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  const key = createPrivateKey(secret.replaceAll('\\n', '\n'))
  const assertion = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
  return {
    method: 'POST',
    url: `${base}/token`,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
    }).toString(),
  }
}
