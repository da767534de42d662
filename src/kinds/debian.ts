import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

const name = formOf({
  rule: 'a package as Debian names it: lower case letters, digits, +, - and .',
  // Indexes are of no package.
  is: (text) => text === '' || (text.length <= 256 && /^[a-z0-9][a-z0-9+.-]+$/.test(text)),
  fillers: ['x', '', 'xx'],
  mend: (pattern) => pattern.toLowerCase().replace(/:[a-z0-9-]+$/, ''),
})

const version = formOf({
  rule: 'a version as Debian writes it, such as 1:2.36.1-8+deb12u2',
  is: (text) => text.length <= 256 && /^(?:[0-9]+:)?[A-Za-z0-9][A-Za-z0-9.+~-]*$/.test(text),
  fillers: ['0', ''],
})

export const debian = {
  about:
    'An archive of Debian packages, for apt: its InRelease is held against the keyring, and every index and package against that.',
  transport: 'http',
  ecosystem: 'deb',
  signed: true,
  hosts: ['storage'],
  settings: ['keyring', 'snapshot'],
  path: { form: name, noun: 'package', example: 'curl' },
  ref: { form: version, noun: 'version', example: '7.*' },
  escapes: '+~:',
  dotFolders: true,
  credentials: ['basic', 'bearer', 'header', 'http-issuer'],
  actions: {
    // Indexes (apt-get update), no package.
    'debian:read': { path: 'optional', ref: 'none', write: false },
    'debian:download': { path: 'optional', ref: 'optional', write: false, includes: ['debian:read'] },
  },
} as const satisfies Kind
