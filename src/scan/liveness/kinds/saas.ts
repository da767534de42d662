import type { Kind } from '../model.ts'
import { alive, bearer, dead, flags, get, has, header, listAt, over, post, says } from '../words.ts'

const versionOfNotion = { 'notion-version': '2022-06-28' }

/** Services that are used as they are. */
export const saas: readonly Kind[] = [
  {
    rules: ['notion-token', 'notion-legacy-token'],
    source: 'https://developers.notion.com/reference/get-self',
    host: 'api.notion.com',
    form: /^(?:ntn|secret)_[A-Za-z0-9]{43,52}$/,
    request: get('/v1/users/me', bearer, versionOfNotion),
    meanings: [
      alive(200, says('.object', 'user')),
      dead(401, says('.code', 'unauthorized')),
      alive(403, says('.code', 'restricted_resource')),
    ],
    whose: ['.bot.workspace_name', '.name'],
    can: listAt('.bot.owner.type'),
  },
  {
    rules: ['linear-token'],
    source: 'https://linear.app/developers/graphql',
    host: 'api.linear.app',
    // Webhooks' secrets open nothing.
    form: /^lin_(?:api_[A-Za-z0-9]{40}|oauth_[0-9a-f]{64})$/,
    request: post(
      '/graphql',
      (secret) => ({ authorization: secret.startsWith('lin_oauth_') ? `Bearer ${secret}` : secret }),
      () => ({ query: '{ viewer { name admin } organization { urlKey } }' }),
    ),
    meanings: [
      alive(200, has('.data.viewer.name')),
      dead(401, says('.errors[0].extensions.code', 'AUTHENTICATION_ERROR')),
      dead(400, says('.errors[0].extensions.code', 'AUTHENTICATION_ERROR')),
      alive(400, says('.errors[0].extensions.code', 'FORBIDDEN')),
    ],
    whose: ['.data.viewer.name', '.data.organization.urlKey'],
    can: flags({ '.data.viewer.admin': 'admin' }),
  },
  {
    rules: ['postman-api-key'],
    source: 'https://learning.postman.com/docs/developer/postman-api/authentication/',
    host: 'api.getpostman.com',
    // The European region knows its own.
    elsewhere: 'host',
    form: /^PMAK-[0-9a-f]{24}-[0-9a-f]{34}$/,
    request: get('/me', header('x-api-key')),
    meanings: [alive(200, has('.user.id')), dead(401, says('.error.name', 'AuthenticationError'))],
    whose: ['.user.username', '.user.teamName'],
    can: listAt('.user.roles'),
  },
  {
    rules: ['airtable-personal-access-token'],
    source: 'https://airtable.com/developers/web/api/get-user-id-scopes',
    host: 'api.airtable.com',
    form: /^pat[A-Za-z0-9]{14}\.[a-f0-9]{64}$/,
    request: get('/v0/meta/whoami', bearer),
    meanings: [alive(200, has('.id')), dead(401, says('.error.type', 'AUTHENTICATION_REQUIRED'))],
    whose: ['.email', '.id'],
    can: listAt('.scopes'),
  },
  {
    rules: ['figma-token'],
    source: 'https://developers.figma.com/docs/rest-api/users-endpoints/#get-me-endpoint',
    host: 'api.figma.com',
    // Figma for Government has a host of its own.
    elsewhere: 'host',
    form: /^figd_[A-Za-z0-9_-]{38,50}$/,
    request: get('/v1/me', header('x-figma-token')),
    meanings: [
      alive(200, has('.id', '.handle')),
      over(403, says('.err', /^Token expired/)),
      dead(403, says('.err', /^Invalid token/)),
      alive(403, says('.err', /^Invalid scope/)),
    ],
    whose: ['.handle', '.email'],
  },
  {
    rules: ['asana-personal-access-token'],
    source: 'https://developers.asana.com/reference/getuser',
    host: 'app.asana.com',
    form: /^[0-9]\/[0-9/]{10,60}:?[0-9a-f]{32}$/,
    request: get('/api/1.0/users/me', bearer),
    meanings: [alive(200, has('.data.gid')), dead(401, says('.errors[0].message', 'Not Authorized'))],
    whose: ['.data.name', '.data.email', '.data.workspaces[0].name'],
  },
  {
    rules: ['contentful-management-token'],
    source: 'https://www.contentful.com/developers/docs/references/user-management-api/',
    host: 'api.contentful.com',
    elsewhere: 'host',
    form: /^CFPAT-[A-Za-z0-9_-]{43}$/,
    request: get('/users/me', bearer),
    meanings: [alive(200, has('.sys.id', '.email')), dead(401, says('.sys.id', 'AccessTokenInvalid'))],
    whose: ['.email', '.sys.id'],
  },
  {
    rules: ['stripe-secret-key', 'stripe-test-key'],
    source: 'https://docs.stripe.com/api/accounts/retrieve',
    host: 'api.stripe.com',
    form: /^[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}$/,
    request: get('/v1/account', bearer),
    meanings: [
      alive(200, says('.object', 'account')),
      dead(401, says('.error.code', 'api_key_expired')),
      dead(401, says('.error.message', /^(?:Invalid API Key provided|Expired API Key provided)/)),
      alive(403, says('.error.message', /does not have the required permissions|not have access/)),
    ],
    whose: ['.settings.dashboard.display_name', '.id'],
    can: flags({ '.charges_enabled': 'charges', '.payouts_enabled': 'payouts' }),
  },
]
