import type { Kind, Meaning } from '../model.ts'
import { alive, bearer, counted, dead, flags, get, has, header, listAt, over, says } from '../words.ts'

const anthropic = { 'anthropic-version': '2023-06-01' }
const isBlocked: Meaning['if'] = (answer) =>
  says('.api_key_blocked', true)(answer) || says('.team_blocked', true)(answer)
const refused = says('.error.type', 'authentication_error')
const lacksPermission = says('.error.type', 'permission_error')

/** What runs models for others. */
export const ai: readonly Kind[] = [
  {
    rules: ['openai-key', 'openai-legacy-key'],
    source: 'https://platform.openai.com/docs/api-reference/models/list',
    host: 'api.openai.com',
    // Of admins: they list no models.
    form: /^sk-(?!admin-)[A-Za-z0-9_-]{20,200}$/,
    request: get('/v1/models', bearer),
    meanings: [
      alive(200, has('.data[0].id')),
      dead(401, says('.error.code', 'invalid_api_key')),
      alive(403, says('.error.message', /insufficient permissions|Missing scopes/)),
    ],
    whose: [],
    can: ({ headers }) => [headers['openai-organization']].flat(),
  },
  {
    rules: ['anthropic-key'],
    source: 'https://docs.claude.com/en/api/models-list',
    host: 'api.anthropic.com',
    form: /^sk-ant-api[0-9]{2}-[A-Za-z0-9_-]{95}$/,
    request: get('/v1/models?limit=1', header('x-api-key'), anthropic),
    meanings: [alive(200, has('.data')), dead(401, refused), alive(403, lacksPermission)],
    whose: [],
    can: ({ headers }) => [headers['anthropic-organization-id']].flat(),
  },
  {
    rules: ['anthropic-admin-key'],
    source: 'https://docs.claude.com/en/api/admin-api/organization/get-me',
    host: 'api.anthropic.com',
    form: /^sk-ant-admin[0-9]{2}-[A-Za-z0-9_-]{90,110}$/,
    request: get('/v1/organizations/me', header('x-api-key'), anthropic),
    meanings: [alive(200, has('.id', '.name')), dead(401, refused), alive(403, lacksPermission)],
    whose: ['.name', '.id'],
    can: () => ['admin'],
  },
  {
    rules: ['groq-key'],
    source: 'https://console.groq.com/docs/api-reference#models-list',
    host: 'api.groq.com',
    form: /^gsk_[A-Za-z0-9]{52}$/,
    request: get('/openai/v1/models', bearer),
    meanings: [alive(200, has('.data')), dead(401, says('.error.code', 'invalid_api_key'))],
    whose: [],
  },
  {
    rules: ['xai-key'],
    source: 'https://docs.x.ai/docs/api-reference#api-key-info',
    host: 'api.x.ai',
    form: /^xai-[A-Za-z0-9_]{80}$/,
    request: get('/v1/api-key', bearer),
    meanings: [
      over(200, says('.api_key_disabled', true)),
      // Blocked it opens nothing, and may tomorrow.
      alive(200, (answer) => has('.api_key_id', '.team_id')(answer) && !isBlocked(answer)),
      // It repeats the key, in part.
      dead(400, says('.error', /^Incorrect API key provided/)),
      dead(401, says('.error', /^Incorrect API key provided/)),
    ],
    whose: ['.name', '.team_id', '.user_id'],
    can: listAt('.acls'),
  },
  {
    rules: ['openrouter-key'],
    source: 'https://openrouter.ai/docs/api-reference/api-keys/get-current-key',
    host: 'openrouter.ai',
    form: /^sk-or-v1-[0-9a-f]{64}$/,
    request: get('/api/v1/key', bearer),
    meanings: [alive(200, has('.data.usage')), dead(401, says('.error.code', 401))],
    whose: [],
    can: (answer) => [
      ...flags({ '.data.is_provisioning_key': 'makes keys' })(answer),
      ...counted('.data.limit', 'limit')(answer),
    ],
  },
  {
    rules: ['replicate-token'],
    source: 'https://replicate.com/docs/reference/http#account.get',
    host: 'api.replicate.com',
    form: /^r8_[A-Za-z0-9]{37}$/,
    request: get('/v1/account', bearer),
    meanings: [alive(200, has('.username', '.type')), dead(401, says('.title', 'Unauthenticated'))],
    whose: ['.username', '.name', '.type'],
  },
  {
    rules: ['mistral-key'],
    source: 'https://docs.mistral.ai/api/#tag/models/operation/list_models_v1_models_get',
    host: 'api.mistral.ai',
    // Keys of Codestral are taken at another host alone.
    elsewhere: 'always',
    form: /^[A-Za-z0-9]{32}$/,
    request: get('/v1/models', bearer),
    meanings: [
      alive(200, has('.data')),
      dead(401, says('.message', 'Unauthorized')),
      dead(401, says('.detail', 'Unauthorized')),
    ],
    whose: [],
  },
  {
    rules: ['elevenlabs-key'],
    source: 'https://elevenlabs.io/docs/api-reference/user/get',
    host: 'api.elevenlabs.io',
    form: /^(?:sk_)?[0-9a-f]{32,48}$/,
    core: /\bsk_([0-9a-f]{32,48})\b/,
    request: get('/v1/user', header('xi-api-key')),
    meanings: [
      alive(200, has('.user_id')),
      dead(401, says('.detail.status', 'invalid_api_key')),
      alive(401, says('.detail.status', 'missing_permissions')),
    ],
    whose: ['.first_name', '.user_id'],
    can: listAt('.subscription.tier'),
  },
]
