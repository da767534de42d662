import { formOf, plainPath } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'

const path = formOf({
  rule: 'a path below the connection’s URL, without a slash in front, query, or empty, `.` or `..` parts',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:(?!\.{1,2}(?:\/|$))(?:[A-Za-z0-9._~!$&'()+,=:@-]|%[0-9a-f]{2})+(?:\/|$))*$/i.test(name),
  fillers: ['x', 'x/x', '', '0', '00', '%', '%0'],
  mend: (pattern) => plainPath(pattern.split('?')[0] ?? ''),
})

const write = { path: 'required', ref: 'none', write: true } as const

export const http = {
  about:
    'An HTTP API; grants name method and path: `http:post api/v1/deployments`, for gRPC `http:post api/octo.Deployments/Create`.',
  transport: 'http',
  hosts: ['storage'],
  path: { form: path, noun: 'path', example: 'v1/*' },
  credentials: ['basic', 'bearer', 'header', 'query', 'oauth-client', 'http-issuer', 'azure-app'],
  webSocket: 'http:connect',
  actions: {
    // HEAD and OPTIONS, too.
    'http:get': { path: 'required', ref: 'none', write: false },
    'http:post': write,
    'http:put': write,
    'http:patch': write,
    'http:delete': write,
    // A WebSocket: nobody sees what is done on it, so no other grant has it.
    'http:connect': write,
    'http:call': {
      ...write,
      inGrantsOnly: true,
      includes: ['http:get', 'http:post', 'http:put', 'http:patch', 'http:delete'],
    },
  },
} as const satisfies Kind
