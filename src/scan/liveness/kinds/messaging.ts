import type { Kind, Presented, Request } from '../model.ts'
import {
  alive,
  basic,
  bearer,
  dead,
  ended,
  get,
  has,
  header,
  listAt,
  reads,
  says,
  scopesIn,
} from '../words.ts'

/** Slack, Discord, Telegram, SendGrid, Mailgun, Brevo, Resend, Twilio. */
export const messaging: readonly Kind[] = [
  {
    rules: ['slack-bot-token', 'slack-user-token', 'slack-legacy-token'],
    source: 'https://docs.slack.dev/reference/methods/auth.test',
    host: 'slack.com',
    form: /^xox[bpars]-[A-Za-z0-9-]{10,200}$/,
    request: slack('auth.test'),
    meanings: [
      alive(200, (answer) => says('.ok', true)(answer) && has('.team_id')(answer)),
      // `invalid_auth` is also what it says to an address that is not allowed.
      dead(200, says('.error', /^(?:account_inactive|token_revoked|token_expired)$/)),
    ],
    whose: ['.user', '.team', '.team_id'],
    can: scopesIn('x-oauth-scopes'),
    revoke: {
      source: 'https://docs.slack.dev/reference/methods/auth.revoke',
      request: slack('auth.revoke'),
      done: (answer) => answer.status === 200 && says('.revoked', true)(answer),
    },
  },
  {
    rules: ['slack-webhook'],
    source: 'https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors',
    host: 'hooks.slack.com',
    // A workflow would start by whatever is sent.
    form: /^https:\/\/hooks\.slack\.com\/services\/T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{24}$/,
    core: /\/services\/T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/([A-Za-z0-9]{24})/,
    // A message without a text is none: it is refused, and nobody sees it.
    request: ({ base, secret }) => ({
      method: 'POST',
      url: `${base}${new URL(secret).pathname}`,
      headers: { 'content-type': 'application/json' },
      body: '{"text":""}',
    }),
    meanings: [
      alive(400, reads(/^(?:no_text|invalid_payload|missing_text_or_fallback_or_attachments)$/)),
      dead(404, reads(/^(?:no_service|no_team|no_active_hooks)$/)),
      dead(400, reads(/^no_active_hooks$/)),
      dead(403, reads(/^invalid_token$/)),
    ],
    whose: [],
    can: () => ['posts to its channel'],
  },
  {
    rules: ['discord-webhook'],
    source: 'https://discord.com/developers/docs/resources/webhook#get-webhook-with-token',
    host: 'discord.com',
    form: /^https:\/\/(?:canary\.|ptb\.)?discord(?:app)?\.com\/api\/(?:v[0-9]{1,2}\/)?webhooks\/[0-9]{17,20}\/[A-Za-z0-9_-]{60,80}$/,
    core: /\/webhooks\/[0-9]{17,20}\/([A-Za-z0-9_-]{60,80})/,
    request: ({ base, secret }) => ({ method: 'GET', url: webhookUrl(base, secret) }),
    meanings: [
      alive(200, has('.id', '.channel_id')),
      dead(404, says('.code', 10_015)),
      dead(401, says('.code', 50_027)),
    ],
    whose: ['.name', '.guild_id', '.channel_id'],
    can: () => ['posts to its channel'],
    revoke: {
      source: 'https://discord.com/developers/docs/resources/webhook#delete-webhook-with-token',
      request: ({ base, secret }) => ({ method: 'DELETE', url: webhookUrl(base, secret) }),
      done: ended(204),
    },
  },
  {
    rules: ['discord-bot-token'],
    source: 'https://discord.com/developers/docs/resources/user#get-current-user',
    host: 'discord.com',
    // Tokens of people look the same, and are not a bot's.
    elsewhere: 'always',
    form: /^[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}$/,
    request: get('/api/v10/users/@me', header('authorization', 'Bot ')),
    meanings: [alive(200, has('.id', '.username')), dead(401, says('.message', '401: Unauthorized'))],
    whose: ['.username', '.id'],
  },
  {
    rules: ['telegram-bot-token'],
    source: 'https://core.telegram.org/bots/api#getme',
    host: 'api.telegram.org',
    form: /^[0-9]{8,10}:AA[A-Za-z0-9_-]{33}$/,
    request: ({ base, secret }) => ({ method: 'GET', url: `${base}/bot${secret}/getMe` }),
    meanings: [alive(200, has('.result.username')), dead(401, says('.error_code', 401))],
    whose: ['.result.username', '.result.first_name'],
  },
  {
    rules: ['sendgrid-api-key'],
    source:
      'https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions/retrieve-a-list-of-scopes-for-which-this-user-has-access',
    host: 'api.sendgrid.com',
    // The European region knows its own.
    elsewhere: 'host',
    form: /^SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/,
    request: get('/v3/scopes', bearer),
    meanings: [
      alive(200, has('.scopes')),
      dead(
        401,
        says('.errors[0].message', /^(?:The provided authorization grant is invalid|authorization required)/),
      ),
      alive(403, says('.errors[0].message', 'access forbidden')),
    ],
    whose: [],
    can: listAt('.scopes'),
  },
  {
    rules: ['mailgun-api-key', 'mailgun-private-key'],
    source:
      'https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains/get-v4-domains',
    host: 'api.mailgun.net',
    // Of the European region, and what may only send for a domain.
    elsewhere: 'always',
    form: /^(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})$/,
    request: get('/v4/domains?limit=1', basic('api')),
    meanings: [
      alive(200, has('.items')),
      dead(401, says('.message', /^Invalid private key/)),
      dead(401, reads(/^Forbidden$/)),
    ],
    whose: ['.items[0].name'],
  },
  {
    rules: ['brevo-api-key'],
    source: 'https://developers.brevo.com/reference/getaccount',
    host: 'api.brevo.com',
    // For SMTP: it is not taken there.
    form: /^xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}$/,
    request: get('/v3/account', header('api-key')),
    meanings: [
      alive(200, has('.email')),
      dead(401, says('.message', /^(?:Key not found|API Key is not enabled)/)),
      alive(401, says('.message', /unrecognised IP address/)),
    ],
    whose: ['.companyName', '.email'],
  },
  {
    rules: ['resend-api-key'],
    source: 'https://resend.com/docs/api-reference/domains/list-domains',
    host: 'api.resend.com',
    form: /^re_[A-Za-z0-9_]{20,40}$/,
    request: get('/domains', bearer),
    meanings: [
      alive(200, has('.data')),
      alive(401, says('.name', 'restricted_api_key')),
      dead(400, says('.message', 'API key is invalid')),
      dead(403, says('.name', 'invalid_api_key')),
    ],
    whose: ['.data[0].name'],
  },
  {
    rules: ['twilio-account-pair'],
    source: 'https://www.twilio.com/docs/iam/api/account#fetch-an-account-resource',
    host: 'api.twilio.com',
    form: /^[0-9a-f]{32}$/,
    beside: { what: 'the SID of its account', form: /^AC[0-9a-f]{32}$/ },
    request: (presented) => get(`/2010-04-01/Accounts/${presented.beside}.json`, basic())(presented),
    // 20003 is also of a subaccount, a region, a lower right, or the SID of another account.
    // A closed account is one that nothing opens.
    meanings: [alive(200, (said) => has('.sid')(said) && says('.status', /^(?:active|suspended)$/)(said))],
    whose: ['.friendly_name', '.sid'],
    can: listAt('.type', '.status'),
  },
]

function slack(method: 'auth.test' | 'auth.revoke'): (presented: Presented) => Request {
  return ({ base, secret }) => ({
    method: 'POST',
    url: `${base}/api/${method}`,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: '',
  })
}

/** Its id and token, on the one host: the secret itself is an address. */
function webhookUrl(base: string, secret: string): string {
  const [, id = '', token = ''] = /\/webhooks\/([0-9]+)\/([A-Za-z0-9_-]+)$/.exec(secret) ?? []
  return `${base}/api/webhooks/${id}/${token}`
}
