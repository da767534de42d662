import { bearer, json, type Case } from './case.fixture.ts'

const badGithub = json(401, { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' })
const githubLimit = json(403, { message: 'API rate limit exceeded for 192.0.2.1.' })

export const sourceHostsCases: readonly Case[] = [
  {
    rule: 'github-personal-access-token',
    secret: 'ghp_{alnum:36}',
    sends: 'GET api.github.com/user',
    header: bearer,
    alive: json(200, { login: 'octocat', id: 583_231, type: 'User' }, { 'x-oauth-scopes': 'repo, read:org' }),
    whose: 'octocat, User',
    can: ['repo', 'read:org'],
    alsoAlive: [json(403, { message: 'Resource not accessible by personal access token' })],
    dead: [badGithub],
    odd: githubLimit,
    revoke: {
      sends: 'POST api.github.com/credentials/revoke',
      body: /^\{"credentials":\["ghp_\w{36}"\]\}$/,
      done: { status: 202 },
    },
  },
  {
    rule: 'github-installation-token',
    secret: 'ghs_{alnum:36}',
    sends: 'GET api.github.com/installation/repositories?per_page=1',
    header: bearer,
    alive: json(200, { total_count: 2, repositories: [{ id: 1, owner: { login: 'octo-org' } }] }),
    whose: 'octo-org',
    can: ['repositories: 2'],
    dead: [badGithub],
    odd: githubLimit,
    revoke: { sends: 'DELETE api.github.com/installation/token', done: { status: 204 } },
  },
  {
    rule: 'gitlab-personal-access-token',
    secret: 'glpat-{alnum:20}',
    sends: 'GET gitlab.com/api/v4/personal_access_tokens/self',
    header: ['private-token', '$'],
    alive: json(200, { id: 4, name: 'deploy', revoked: false, scopes: ['api'], user_id: 24, active: true }),
    whose: 'deploy, 24',
    can: ['api'],
    alsoAlive: [json(403, { error: 'insufficient_scope', error_description: 'The request requires ...' })],
    dead: [
      json(401, { message: '401 Unauthorized' }),
      json(401, { error: 'invalid_token', error_description: 'The access token is invalid' }),
    ],
    over: [
      json(200, { id: 4, name: 'deploy', revoked: true, scopes: ['api'], user_id: 24, active: false }),
      json(200, { id: 4, name: 'deploy', revoked: false, scopes: ['api'], user_id: 24, active: false }),
      json(401, {
        error: 'invalid_token',
        error_description: 'Token was revoked. You have to re-authorize from the user.',
      }),
    ],
    odd: json(404, { message: '404 Not found' }),
    revoke: { sends: 'DELETE gitlab.com/api/v4/personal_access_tokens/self', done: { status: 204 } },
  },
]
