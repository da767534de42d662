import type { Kind } from '../model.ts'
import { alive, bearer, dead, del, ended, flags, get, has, header, listAt, post, says } from '../words.ts'

/** CircleCI, Buildkite, HCP Terraform, Doppler, Vault, Okta, Tailscale and LaunchDarkly. */
export const ci: readonly Kind[] = [
  {
    rules: ['circleci-token', 'circleci-legacy-token'],
    source: 'https://circleci.com/docs/api/v2/index.html#tag/User/operation/getCurrentUser',
    host: 'circleci.com',
    // Tokens of projects, which have no prefix in their old form, are no person's, and not taken there.
    elsewhere: 'always',
    form: /^(?:CCIPAT_[A-Za-z0-9]{20,22}_)?[0-9a-f]{40}$/,
    request: get('/api/v2/me', header('circle-token')),
    meanings: [
      alive(200, has('.id', '.login')),
      dead(401, says('.message', /^You must log in first|^Invalid token provided/)),
    ],
    whose: ['.login', '.name'],
  },
  {
    rules: ['buildkite-api-token'],
    source: 'https://buildkite.com/docs/apis/rest-api/access-token',
    host: 'api.buildkite.com',
    form: /^bkua_[A-Za-z0-9_-]{40,60}$/,
    request: get('/v2/access-token', bearer),
    meanings: [
      alive(200, has('.uuid', '.scopes')),
      dead(401, says('.message', /^Authentication required\. Please supply a valid API Access Token/)),
    ],
    whose: ['.user.name', '.user.email', '.description'],
    can: listAt('.scopes'),
    revoke: {
      source: 'https://buildkite.com/docs/apis/rest-api/access-token#revoke-the-current-token',
      request: del('/v2/access-token', bearer),
      done: ended(204),
    },
  },
  {
    rules: ['hcp-terraform-token'],
    source: 'https://developer.hashicorp.com/terraform/cloud-docs/api-docs/account#get-your-account-details',
    host: 'app.terraform.io',
    // Terraform Enterprise makes the same, and an agent's, which is no account's.
    elsewhere: 'always',
    form: /^[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}$/,
    request: get('/api/v2/account/details', bearer),
    meanings: [
      alive(200, has('.data.id', '.data.attributes.username')),
      dead(401, says('.errors[0].title', 'unauthorized')),
    ],
    whose: ['.data.attributes.username', '.data.id'],
    can: flags({ '.data.attributes.is-service-account': 'service account' }),
  },
  {
    rules: ['doppler-token', 'doppler-service-token'],
    source: 'https://docs.doppler.com/reference/auth-me',
    host: 'api.doppler.com',
    form: /^dp\.(?:pt|ct|sa|said|st)\.[A-Za-z0-9._-]{40,100}$/,
    request: get('/v3/me', bearer),
    meanings: [
      alive(200, has('.type', '.workplace')),
      dead(401, says('.messages[0]', /^Invalid (?:Auth|Service) token/i)),
    ],
    whose: ['.workplace.name', '.name', '.slug'],
    can: listAt('.type'),
    revoke: {
      source: 'https://docs.doppler.com/reference/auth-revoke',
      request: post(
        '/v3/auth/revoke',
        () => ({}),
        (token) => ({ token }),
      ),
      done: (answer) => answer.status === 200 && says('.success', true)(answer),
    },
  },
  {
    rules: ['hashicorp-vault-token', 'hashicorp-vault-legacy-token'],
    source: 'https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self',
    host: undefined,
    // There may be another server of yours.
    elsewhere: 'always',
    form: /^(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{24,600}$/,
    request: get('/v1/auth/token/lookup-self', header('x-vault-token')),
    meanings: [
      alive(200, has('.data.policies')),
      // Without these two words it may lack the right to look itself up.
      dead(403, says('.errors[0]', /invalid token/)),
    ],
    whose: ['.data.display_name', '.data.entity_id'],
    can: listAt('.data.policies'),
    revoke: {
      source: 'https://developer.hashicorp.com/vault/api-docs/auth/token#revoke-a-token-self',
      request: ({ base, secret }) => ({
        method: 'POST',
        url: `${base}/v1/auth/token/revoke-self`,
        headers: { 'x-vault-token': secret },
      }),
      done: ended(204),
    },
  },
  {
    rules: ['okta-api-token'],
    source:
      'https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/#tag/User/operation/getUser',
    host: undefined,
    // There may be another server of yours.
    elsewhere: 'always',
    form: /^00[A-Za-z0-9_-]{40}$/,
    request: get('/api/v1/users/me', header('authorization', 'SSWS ')),
    meanings: [
      alive(200, has('.id', '.profile')),
      dead(401, says('.errorCode', 'E0000011')),
      alive(403, says('.errorCode', 'E0000006')),
    ],
    whose: ['.profile.login', '.id'],
    revoke: {
      source:
        'https://developer.okta.com/docs/api/openapi/okta-management/management/tag/ApiToken/#tag/ApiToken/operation/revokeCurrentApiToken',
      request: del('/api/v1/api-tokens/current', header('authorization', 'SSWS ')),
      done: ended(204),
    },
  },
  {
    rules: ['tailscale-key'],
    source: 'https://tailscale.com/api#tag/keys/get/tailnet/{tailnet}/keys',
    host: 'api.tailscale.com',
    // Other keys join a network: to try one would add a machine.
    form: /^tskey-api-[A-Za-z0-9]{6,24}-[A-Za-z0-9]{18,64}$/,
    request: get('/api/v2/tailnet/-/keys', bearer),
    meanings: [
      alive(200, has('.keys')),
      dead(401, says('.message', /^API token invalid/)),
      alive(403, says('.message', /not authorized|insufficient|does not have (?:permission|access)/i)),
    ],
    whose: [],
  },
  {
    rules: ['launchdarkly-api-token'],
    source: 'https://launchdarkly.com/docs/api/other/get-caller-identity',
    host: 'app.launchdarkly.com',
    // There are federal and European instances.
    elsewhere: 'host',
    form: /^api-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/,
    request: get('/api/v2/caller-identity', header('authorization')),
    meanings: [alive(200, has('.accountId')), dead(401, says('.code', 'unauthorized'))],
    whose: ['.tokenName', '.accountId'],
    can: listAt('.tokenKind'),
  },
]
