import { formOf, gitRef, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'

const repository = formOf({
  rule: 'a repository as OWNER/NAME, without .git, and without empty, `.` or `..` parts',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~+-]+(?:\/(?!$)|$))+$/.test(name) &&
    !name.endsWith('.git'),
  fillers: ['x', 'x/x', ''],
  mend: (pattern) => plainPath(pattern).replace(/(?:\.git)+$/, ''),
})

export const git = {
  about: 'Git over smart HTTP.',
  transport: 'http',
  hosts: ['storage'],
  settings: ['push_options', 'push_size'],
  path: { form: repository, noun: 'repository', example: 'owner/name' },
  ref: { form: gitRef, noun: 'ref', example: 'refs/heads/main' },
  credentials: ['basic', 'bearer', 'github-app', 'gitlab-token', 'http-issuer'],
  actions: {
    'git:read': { path: 'required', ref: 'none', write: false },
    // Creates refs, and moves branches forward only: what is there stays reachable.
    'git:push': { path: 'required', ref: 'required', write: true, decidedByRef: true, brings: 'commit' },
    'git:force': {
      path: 'required',
      ref: 'required',
      write: true,
      includes: ['git:push'],
      decidedByRef: true,
      brings: 'commit',
    },
    'git:delete': { path: 'required', ref: 'required', write: true, decidedByRef: true },
  },
} as const satisfies Kind
