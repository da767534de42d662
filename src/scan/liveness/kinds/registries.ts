import type { Kind } from '../model.ts'
import {
  alive,
  bearer,
  dead,
  ended,
  get,
  has,
  header,
  isList,
  isObject,
  listAt,
  reads,
  says,
} from '../words.ts'

/** npm, RubyGems, crates.io, Docker Hub and Hugging Face. */
export const registries: readonly Kind[] = [
  {
    rules: ['npm-token'],
    source: 'https://docs.npmjs.com/cli/v11/commands/npm-whoami',
    host: 'registry.npmjs.org',
    form: /^npm_[A-Za-z0-9]{36}$/,
    request: get('/-/whoami', bearer),
    // A 401 is also what one has whose right does not reach that far, or from an address that it is not for.
    meanings: [alive(200, has('.username'))],
    whose: ['.username'],
    revoke: {
      source: 'https://docs.npmjs.com/cli/v11/commands/npm-logout',
      request: ({ base, secret }) => ({
        method: 'DELETE',
        url: `${base}/-/user/token/${encodeURIComponent(secret)}`,
        headers: bearer(secret, ''),
      }),
      done: (answer) => answer.status === 204 || (answer.status === 200 && isObject(answer)),
    },
  },
  {
    rules: ['rubygems-key'],
    source: 'https://guides.rubygems.org/rubygems-org-api/#get---apiv1gemsjsonyaml',
    host: 'rubygems.org',
    form: /^rubygems_[0-9a-f]{48}$/,
    request: get('/api/v1/gems.json', header('authorization')),
    meanings: [
      alive(200, isList),
      dead(401, reads(/^Access Denied\. Please sign up for an account/)),
      alive(403, reads(/^(?:The|This) API key (?:doesn't have access|cannot perform)/i)),
    ],
    whose: [],
    can: ({ json }) => (Array.isArray(json) ? [`gems: ${json.length}`] : []),
  },
  {
    rules: ['crates-io-token'],
    source: 'https://crates.io/api/openapi.json',
    host: 'crates.io',
    form: /^cio[A-Za-z0-9]{32}$/,
    request: get('/api/v1/me', header('authorization')),
    meanings: [
      alive(200, has('.user.login')),
      dead(403, says('.errors[0].detail', 'authentication failed')),
      // Who is behind a token it tells no token: this is said once the token is known.
      alive(403, says('.errors[0].detail', /^this action can only be performed on the crates\.io website/)),
      alive(403, says('.errors[0].detail', /^this token does not have the required permissions/)),
    ],
    whose: ['.user.login'],
    revoke: {
      source: 'https://crates.io/api/openapi.json',
      request: ({ base, secret }) => ({
        method: 'DELETE',
        url: `${base}/api/v1/tokens/current`,
        headers: { authorization: secret },
      }),
      done: ended(204),
    },
  },
  {
    rules: ['docker-hub-personal-token', 'docker-hub-organization-token'],
    source: 'https://docs.docker.com/reference/api/hub/latest/#tag/authentication-api',
    host: 'hub.docker.com',
    form: /^dckr_[po]at_[A-Za-z0-9_-]{27,40}$/,
    beside: { what: 'the name of its account', form: /^[a-z0-9][a-z0-9_-]{1,253}$/ },
    // A login: the token of minutes that it answers with is thrown away.
    request: ({ base, secret, beside }) => ({
      method: 'POST',
      url: `${base}/v2/auth/token`,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: beside, secret }),
    }),
    // The name may be the wrong one: then nothing is known of the token.
    meanings: [alive(200, has('.access_token'))],
    whose: [],
  },
  {
    rules: ['huggingface-token'],
    source: 'https://huggingface.co/docs/hub/api#get-apiwhoami-v2',
    host: 'huggingface.co',
    form: /^(?:hf|api_org)_[A-Za-z0-9]{34,40}$/,
    request: get('/api/whoami-v2', bearer),
    meanings: [
      alive(200, has('.name', '.type')),
      dead(
        401,
        says('.error', /^Invalid (?:user token|credentials in Authorization header|username or password)/),
      ),
      dead(401, says('.error', /^User Access Token "[^"]*" is expired/)),
    ],
    whose: ['.name', '.type'],
    can: listAt('.auth.accessToken.role'),
  },
  {
    rules: ['pulumi-access-token'],
    source: 'https://www.pulumi.com/docs/reference/cloud-rest-api/users/',
    host: 'api.pulumi.com',
    elsewhere: 'host',
    form: /^pul-[a-f0-9]{40}$/,
    request: get('/api/user', header('authorization', 'token '), { accept: 'application/vnd.pulumi+8' }),
    meanings: [alive(200, has('.githubLogin')), dead(401, says('.code', 401))],
    whose: ['.githubLogin', '.tokenInfo.organization', '.tokenInfo.team'],
  },
]
