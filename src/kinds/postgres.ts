import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

/** PostgreSQL keeps 63 bytes of a name; here each may be written with three characters. */
const maxNameChars = 189

function nameForm(what: string) {
  return formOf({
    rule: `the name of a ${what}, in which characters other than A-Z, a-z, 0-9, \`_\`, \`.\`, \`$\` and \`-\` are written as %XX`,
    is: (name) => name.length <= maxNameChars && /^(?:[A-Za-z0-9_.$-]|%[0-9A-F]{2})+$/.test(name),
    fillers: ['x', '', '0', '00', '%20'],
  })
}

const ofSchema = { path: 'required', ref: 'optional', write: true } as const

export const postgres = {
  about:
    'PostgreSQL; grants name the database, and after an `@` the schema, if not all: `postgres:read orders/shop@public`.',
  transport: 'stream',
  port: 5432,
  path: { form: nameForm('default_database'), noun: 'default_database', example: 'shop' },
  ref: { form: nameForm('schema'), noun: 'schema', example: 'public' },
  settings: ['tls', 'default_database', 'mask'],
  tells: ['default_database'],
  credentials: ['basic', 'postgres-role', 'http-issuer'],
  actions: {
    // A session whose statements nobody limits but the server, by the rights of the role that logs in.
    'postgres:connect': { path: 'optional', ref: 'none', write: true },
    'postgres:read': { ...ofSchema, write: false },
    'postgres:write': { ...ofSchema, includes: ['postgres:read'] },
    'postgres:ddl': { ...ofSchema, includes: ['postgres:read', 'postgres:write'] },
    // What no schema holds: roles and rights, files and programs of the server, code that nobody can read beforehand.
    'postgres:admin': {
      ...ofSchema,
      ref: 'none',
      includes: ['postgres:read', 'postgres:write', 'postgres:ddl'],
    },
  },
  variables: (connections, inside) => {
    const [one, ...others] = connections
    if (one === undefined) return {}
    const ca = { PGSSLROOTCERT: inside.ca }
    if (others.length > 0) return ca
    const { hostname, port } = new URL(one.url)
    const database = one.settings?.default_database
    return {
      ...ca,
      PGHOST: hostname.replaceAll(/^\[|\]$/g, ''),
      PGPORT: port === '' ? '5432' : port,
      PGUSER: 'mayfly',
      ...(database === undefined ? {} : { PGDATABASE: database }),
    }
  },
} as const satisfies Kind
