import { formOf } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'

const place = formOf({
  rule: 'USER, or USER/ and a command line, an absolute path, or HOST:PORT, on one line',
  is: (name) =>
    name.length <= maxPathChars &&
    /^[A-Za-z0-9._@-]+(?:\/[^\p{Cc}\p{Zl}\p{Zp}]*[^\p{Cc}\p{Z}])?$/u.test(name),
  fillers: ['x', 'x/x', '', '/x', 'x/'],
})

const one = { path: 'required', ref: 'none', write: true } as const

export const ssh = {
  about:
    'A host that is reached by SSH: `ssh://web.internal:22`. Grants name user and command: `ssh:exec web/deploy/systemctl restart app`.',
  transport: 'stream',
  port: 22,
  path: { form: place, noun: 'user and command', example: 'deploy/systemctl restart app' },
  settings: ['host_keys', 'record_input'],
  needs: ['host_keys'],
  credentials: ['ssh-certificate', 'ssh-key', 'basic'],
  actions: {
    // A command of plain words, as the client sends it: scp's old protocol, rsync and Git are such commands.
    'ssh:exec': one,
    // Any command line: what a shell takes for more than words (`;`, `$`, `|`) no pattern of ssh:exec matches.
    'ssh:script': { ...one, includes: ['ssh:exec'] },
    'ssh:shell': one,
    // Files by SFTP, which scp and sftp speak: absolute paths.
    'ssh:read': { path: 'required', ref: 'none', write: false },
    'ssh:write': { ...one, includes: ['ssh:read'] },
    // To HOST:PORT, as the host sees it.
    'ssh:forward': one,
  },
} as const satisfies Kind
