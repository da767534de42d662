import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

/** Pipelines write environments and short scripts into commands. An entry of the log has to hold it whole. */
export const maxCommandChars = 16_000
/** Beside a command stands the user, which has at most 64. */
const maxPlaceChars = maxCommandChars + 65

const place = formOf({
  rule: 'USER, or USER/ and a command line, an absolute path, or HOST:PORT, on one line',
  is: (name) =>
    name.length <= maxPlaceChars &&
    /^[A-Za-z0-9._@-]+(?:\/[^\p{Cc}\p{Zl}\p{Zp}]*[^\p{Cc}\p{Z}])?$/u.test(name),
  fillers: ['x', 'x/x', '', '/x', 'x/'],
})

const fillers = ['x', 'x/x', '', '/x', 'x/', 'x/x:1', '/x:1', 'x:1', ':1', '1', 'x:', 'x/x:']
/** What a grant of one action can name. */
const of = (rule: string, is: (name: string) => boolean) =>
  formOf({ rule, is: (name) => place.is(name) && is(name), fillers })

const user = of('USER alone', (name) => !name.includes('/'))
const script = of('USER/COMMAND', (name) => name.includes('/'))
/** A shell would see more than words in others: they are for ssh:script. */
const command = of(
  'USER/COMMAND, its command of plain words (one with ; & | < > ( ) $ ` \\ ! { } * ? [ ] # is for ssh:script)',
  (name) => name.includes('/') && !/[;&|<>()$`\\!{}*?[\]#]/.test(name),
)
const file = of('USER and an absolute path, without . or ..', (name) =>
  /^[^/]+(?:\/(?!\.{1,2}(?:\/|$))[^/]*)+$/.test(name),
)
const target = of('USER/HOST:PORT', (name) => /^[^/]+\/[^/\s]+:[0-9]{1,5}$/.test(name))

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
    'ssh:exec': { ...one, form: command },
    // Any command line: what a shell takes for more than words (`;`, `$`, `|`) no pattern of ssh:exec matches.
    'ssh:script': { ...one, form: script, includes: ['ssh:exec'] },
    'ssh:shell': { ...one, form: user },
    // Files by SFTP, which scp and sftp speak: absolute paths.
    'ssh:read': { path: 'required', ref: 'none', form: file, write: false },
    'ssh:write': { ...one, form: file, includes: ['ssh:read'] },
    // To HOST:PORT, as the host sees it.
    'ssh:forward': { ...one, form: target },
  },
} as const satisfies Kind
