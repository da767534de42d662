import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

/** MySQL keeps 64 characters of a name, which are four bytes each at most. */
const maxNameChars = 768

const database = formOf({
  rule: 'the name of a database, in which characters other than A-Z, a-z, 0-9, `_`, `.`, `$` and `-` are written as %XX',
  is: (name) => name.length <= maxNameChars && /^(?:[A-Za-z0-9_.$-]|%[0-9A-F]{2})+$/.test(name),
  fillers: ['x', '', '0', '00', '%20'],
})

const one = { path: 'required', ref: 'none', write: true } as const

export const mysql = {
  about: 'MariaDB and MySQL; grants name the database: `mysql:read orders/shop`.',
  transport: 'stream',
  port: 3306,
  path: { form: database, noun: 'database', example: 'shop' },
  settings: ['tls', 'default_database'],
  tells: ['default_database'],
  credentials: ['basic', 'mysql-role', 'http-issuer'],
  actions: {
    // A session whose statements nobody limits but the server, by the rights of the account that logs in.
    'mysql:connect': { path: 'none', ref: 'none', write: true },
    'mysql:read': { ...one, write: false },
    'mysql:write': { ...one, includes: ['mysql:read'] },
    'mysql:ddl': { ...one, includes: ['mysql:read', 'mysql:write'] },
  },
} as const satisfies Kind
