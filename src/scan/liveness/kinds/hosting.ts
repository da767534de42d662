import { asText, at } from '../../../http-client/index.ts'
import type { Kind } from '../model.ts'
import { alive, bearer, dead, del, ended, get, has, header, isList, listAt, over, says } from '../words.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** Heroku, Fly.io, Netlify, Vercel, Render, Supabase, Fastly and Neon. */
export const hosting: readonly Kind[] = [
  {
    rules: ['heroku-prefixed-key', 'heroku-api-key'],
    source: 'https://devcenter.heroku.com/articles/platform-api-reference#account-info',
    host: 'api.heroku.com',
    form: new RegExp(`^(?:HRKU-)?(?:AA[A-Za-z0-9_-]{58}|${uuid})$`),
    core: new RegExp(`HRKU-(${uuid})`),
    request: get('/account', bearer, { accept: 'application/vnd.heroku+json; version=3' }),
    meanings: [
      alive(200, has('.id', '.email')),
      dead(401, says('.id', 'unauthorized')),
      alive(403, says('.id', 'forbidden')),
    ],
    whose: ['.email', '.default_organization.name'],
  },
  {
    rules: ['fly-access-token'],
    source: 'https://docs.machines.dev/#tag/tokens/get/v1/tokens/current',
    host: 'api.machines.dev',
    // Macaroons of other services, and those that lack a discharge, are refused with the same words.
    elsewhere: 'always',
    form: /^fm(?:1[ar]?|2)_[A-Za-z0-9+/]{100,4000}={0,3}$/,
    request: get('/v1/tokens/current', header('authorization', 'FlyV1 ')),
    meanings: [
      alive(200, has('.tokens[0].token_id')),
      dead(401, says('.error', /unauthorized|unauthenticated|invalid token|expired/i)),
    ],
    whose: ['.tokens[0].org_slug', '.tokens[0].user'],
    can: listAt('.tokens[0].apps[0].name', '.tokens[0].apps[1].name', '.tokens[0].apps[2].name'),
  },
  {
    rules: ['netlify-token'],
    source: 'https://open-api.netlify.com/#tag/user/operation/getCurrentUser',
    host: 'api.netlify.com',
    // Those of builds and of applications are no person's, and not taken there.
    elsewhere: 'always',
    form: /^nf[pcoub]_[A-Za-z0-9_-]{36}$/,
    request: get('/api/v1/user', bearer),
    meanings: [alive(200, has('.id', '.email')), dead(401, says('.message', /^Access Denied/))],
    whose: ['.email', '.full_name'],
  },
  {
    rules: ['vercel-prefixed-token'],
    source: 'https://vercel.com/docs/rest-api/user/get-the-user',
    host: 'api.vercel.com',
    // Of integrations, applications and gateways it would say nothing.
    form: /^vcp_[A-Za-z0-9_-]{40,64}$/,
    request: get('/v2/user', bearer),
    meanings: [alive(200, has('.user.username')), dead(403, says('.error.invalidToken', true))],
    whose: ['.user.username', '.user.email'],
  },
  {
    rules: ['render-api-key'],
    source: 'https://api-docs.render.com/reference/list-owners',
    host: 'api.render.com',
    form: /^rnd_[A-Za-z0-9]{28,40}$/,
    request: get('/v1/owners?limit=1', bearer),
    meanings: [alive(200, isList), dead(401, says('.message', /^Unauthorized/i))],
    whose: ['[0].owner.name', '[0].owner.email'],
  },
  {
    rules: ['supabase-access-token'],
    source: 'https://supabase.com/docs/reference/api/v1-list-all-organizations',
    host: 'api.supabase.com',
    form: /^sbp_(?:oauth_|v0_)?[a-f0-9]{40}$/,
    request: get('/v1/organizations', bearer),
    meanings: [
      alive(200, isList),
      dead(401, says('.message', /^(?:Unauthorized|JWT (?:failed verification|could not be decoded))/)),
    ],
    whose: ['[0].name', '[0].id'],
  },
  {
    rules: ['fastly-api-token'],
    source: 'https://www.fastly.com/documentation/reference/api/auth-tokens/user/#get-token-current',
    host: 'api.fastly.com',
    form: /^[A-Za-z0-9_-]{32}$/,
    request: get('/tokens/self', header('fastly-key')),
    meanings: [
      over(200, says('.deleted_at', /./)),
      // Of a person it says whose it is, of an automation which customer's.
      alive(200, has('.id', '.scope')),
      dead(401, says('.msg', /^Provided credentials are missing or invalid/)),
    ],
    whose: ['.name', '.customer_id', '.user_id'],
    can: ({ json }) => asText(at(json, '.scope'))?.split(' ') ?? [],
    revoke: {
      source: 'https://www.fastly.com/documentation/reference/api/auth-tokens/user/#revoke-token-current',
      request: del('/tokens/self', header('fastly-key')),
      done: ended(204),
    },
  },
  {
    rules: ['neon-api-key'],
    source: 'https://api-docs.neon.tech/reference/getauthdetails',
    host: 'console.neon.tech',
    form: /^napi_[a-z0-9]{64}$/,
    request: get('/api/v2/auth', bearer),
    meanings: [
      alive(200, has('.account_id', '.auth_method')),
      dead(401, says('.message', /credentials|not authenticated|authorization/i)),
    ],
    whose: ['.account_id'],
    can: listAt('.auth_method'),
  },
]
