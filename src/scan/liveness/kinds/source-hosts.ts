import type { Kind } from '../model.ts'
import {
  alive,
  bearer,
  counted,
  dead,
  del,
  ended,
  get,
  has,
  header,
  listAt,
  over,
  post,
  says,
  scopesIn,
} from '../words.ts'

const github = { 'x-github-api-version': '2022-11-28', accept: 'application/vnd.github+json' }
const lacksPermission = says('.message', /^Resource (?:not accessible|protected by organization)/)
const glSelf = '/api/v4/personal_access_tokens/self'

/** GitHub and GitLab. */
export const sourceHosts: readonly Kind[] = [
  {
    rules: ['github-personal-access-token', 'github-oauth-token', 'github-fine-grained-token'],
    source: 'https://docs.github.com/en/rest/users/users#get-the-authenticated-user',
    host: 'api.github.com',
    // GitHub Enterprise Server and ghe.com make the same.
    elsewhere: 'host',
    form: /^(?:gh[pou]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,110})$/,
    request: get('/user', bearer, github),
    meanings: [
      alive(200, has('.login', '.id')),
      dead(401, says('.message', 'Bad credentials')),
      // A 403 is also what GitHub says where too much was asked.
      alive(403, lacksPermission),
    ],
    whose: ['.login', '.type'],
    can: scopesIn('x-oauth-scopes'),
    revoke: {
      source: 'https://docs.github.com/en/rest/credentials/revoke',
      form: /^(?:gh[pou]_|github_pat_)/,
      // Asked with a credential it is refused: whoever found one may end it.
      request: post(
        '/credentials/revoke',
        () => ({}),
        (secret) => ({ credentials: [secret] }),
        github,
      ),
      done: ended(202),
      isOnlyTaken: true,
    },
  },
  {
    rules: ['github-installation-token', 'github-stateless-installation-token'],
    source:
      'https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation',
    host: 'api.github.com',
    elsewhere: 'host',
    form: /^ghs_[A-Za-z0-9._-]{36,2000}$/,
    request: get('/installation/repositories?per_page=1', bearer, github),
    meanings: [
      alive(200, has('.total_count', '.repositories')),
      dead(401, says('.message', 'Bad credentials')),
      alive(403, lacksPermission),
    ],
    whose: ['.repositories[0].owner.login'],
    can: counted('.total_count', 'repositories'),
    revoke: {
      source: 'https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token',
      request: del('/installation/token', bearer, github),
      done: ended(204),
    },
  },
  {
    rules: ['gitlab-personal-access-token', 'gitlab-routable-token'],
    source: 'https://docs.gitlab.com/api/personal_access_tokens/#get-details-on-a-personal-access-token',
    host: 'gitlab.com',
    elsewhere: 'host',
    // Deploy, runner and trigger tokens have no such question.
    form: /^glpat-[A-Za-z0-9._-]{20,320}$/,
    request: get(glSelf, header('private-token')),
    meanings: [
      over(200, says('.revoked', true)),
      over(200, says('.active', false)),
      alive(200, has('.id', '.scopes', '.user_id')),
      // Its own words: gateways in front of a server of one's own refuse what lives with another message.
      dead(401, says('.message', '401 Unauthorized')),
      over(401, says('.error_description', /^Token (?:was revoked|is expired)/)),
      dead(401, says('.error', 'invalid_token')),
      alive(403, says('.error', 'insufficient_scope')),
    ],
    whose: ['.name', '.user_id'],
    can: listAt('.scopes'),
    revoke: {
      source: 'https://docs.gitlab.com/api/personal_access_tokens/#revoke-a-personal-access-token',
      request: del(glSelf, header('private-token')),
      done: ended(204),
    },
  },
]
