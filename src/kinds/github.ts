import { formOf, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind, KnownConnection } from './kind.ts'

const path = formOf({
  rule: 'OWNER/NAME, an OWNER alone, `~` for the account itself, or a field of GraphQL',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:~|[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)?)$/.test(name) &&
    !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name),
  fillers: ['x', 'x/x', '', '/x', 'x/', '~'],
  mend: (pattern) => plainPath(pattern).replace(/\.git$/, ''),
})

const read = { path: 'required', ref: 'none', write: false } as const
const write = { path: 'required', ref: 'none', write: true } as const

export const github = {
  about:
    'GitHub’s API: what a request does is named, so that a release is a grant and a deploy key another (`github:release api/octo/app`).',
  transport: 'http',
  hosts: ['storage'],
  path: { form: path, noun: 'repository', example: 'octo/app' },
  credentials: ['basic', 'bearer', 'header', 'github-app'],
  actions: {
    'github:read': read,
    'github:comment': write,
    'github:issue': write,
    'github:pull-request': write,
    'github:merge': write,
    'github:status': write,
    'github:deployment': write,
    'github:release': write,
    'github:contents': write,
    'github:workflow': write,
    'github:dispatch': write,
    'github:secret': write,
    'github:deploy-key': write,
    'github:hook': write,
    'github:create-repository': write,
    'github:gist': write,
    'github:search': read,
    'github:query': read,
    'github:mutation': write,
    // Whatever else changes something, and all of the above.
    'github:admin': {
      ...write,
      includes: [
        'github:read',
        'github:comment',
        'github:issue',
        'github:pull-request',
        'github:merge',
        'github:status',
        'github:deployment',
        'github:release',
        'github:contents',
        'github:workflow',
        'github:dispatch',
        'github:secret',
        'github:deploy-key',
        'github:hook',
        'github:create-repository',
        'github:gist',
        'github:search',
        'github:query',
        'github:mutation',
      ],
    },
  },
  variables: (connections) => Object.assign({}, ...connections.map(variablesOf)) as Record<string, string>,
} as const satisfies Kind

/** gh does not start without a token in its hands: this is none, and is taken off on the way. */
const standIn = 'held-by-the-gateway'

/** Of a server of one's own gh is told the host (cli.github.com/manual, "gh help environment"). */
function variablesOf({ url }: KnownConnection): Record<string, string> {
  const { host } = new URL(url)
  if (host === 'api.github.com') return { GH_TOKEN: standIn }
  return host === 'uploads.github.com' ? {} : { GH_HOST: host, GH_ENTERPRISE_TOKEN: standIn }
}
