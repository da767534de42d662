import { formOf, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'

const path = formOf({
  rule: 'GROUP/.../PROJECT, a GROUP, `~` for the account itself, or a field of GraphQL',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:~|[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*)$/.test(name) &&
    !/(?:^|\/)\.{1,2}(?:\/|$)/.test(name),
  fillers: ['x', 'x/x', '', '/x', 'x/', '~'],
  mend: (pattern) => plainPath(pattern).replace(/\.git$/, ''),
})

const read = { path: 'required', ref: 'none', write: false } as const
const write = { path: 'required', ref: 'none', write: true } as const

export const gitlab = {
  about:
    'GitLab’s API: what a request does is named, so that a release is a grant and a deploy token another (`gitlab:release api/group/app`).',
  transport: 'http',
  hosts: ['storage'],
  path: { form: path, noun: 'project', example: 'group/app' },
  credentials: ['basic', 'bearer', 'header', 'gitlab-token'],
  actions: {
    'gitlab:read': read,
    'gitlab:comment': write,
    'gitlab:issue': write,
    'gitlab:merge-request': write,
    'gitlab:merge': write,
    'gitlab:status': write,
    'gitlab:deployment': write,
    'gitlab:release': write,
    'gitlab:package': write,
    'gitlab:contents': write,
    'gitlab:workflow': write,
    'gitlab:pipeline': write,
    'gitlab:variable': write,
    'gitlab:deploy-key': write,
    'gitlab:hook': write,
    'gitlab:create-project': write,
    'gitlab:snippet': write,
    'gitlab:search': read,
    'gitlab:query': read,
    'gitlab:mutation': write,
    // Whatever else changes something, and all of the above.
    'gitlab:admin': {
      ...write,
      includes: [
        'gitlab:read',
        'gitlab:comment',
        'gitlab:issue',
        'gitlab:merge-request',
        'gitlab:merge',
        'gitlab:status',
        'gitlab:deployment',
        'gitlab:release',
        'gitlab:package',
        'gitlab:contents',
        'gitlab:workflow',
        'gitlab:pipeline',
        'gitlab:variable',
        'gitlab:deploy-key',
        'gitlab:hook',
        'gitlab:create-project',
        'gitlab:snippet',
        'gitlab:search',
        'gitlab:query',
        'gitlab:mutation',
      ],
    },
  },
  variables: ([first]) =>
    first === undefined ? {} : { GITLAB_TOKEN: standIn, GITLAB_HOST: new URL(first.url).origin },
} as const satisfies Kind

/** glab does not start without a token in its hands: this is none, and is taken off on the way. */
const standIn = 'held-by-the-gateway'
