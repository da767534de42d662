import { z } from 'zod'
import { credentialTtl as ttl } from './name-schema.ts'
import { secretReference } from './secret-reference.ts'

/** As it is, not as SQL would write it: it is quoted. A longer one would be cut, and the rest may be another's name. */
const postgresName = z
  .string()
  .min(1)
  .refine(
    (name) => Buffer.byteLength(name) <= 63 && name.isWellFormed() && !/\p{Cc}/u.test(name),
    'a name of at most 63 bytes, without control characters',
  )
const mysqlName = z
  .string()
  .regex(
    /^[^\p{Cc}.*]{0,63}[^\p{Cc}.* ]$/u,
    'a name of at most 64 characters, without `.`, `*` or control characters',
  )

/** With these an account could make others, or rights, that outlive it. */
const outliving = /^(?:GRANT OPTION|CREATE USER|CREATE ROLE|SUPER|PROXY|SET USER|ALL(?: PRIVILEGES)?)$/

/** What both servers know, and what either does; MySQL's dynamic ones are of words with `_`, and plugins have more of them. */
const privileges: ReadonlySet<string> = new Set(
  (
    'ALL,ALL PRIVILEGES,USAGE,SELECT,INSERT,UPDATE,DELETE,DELETE HISTORY,CREATE,DROP,REFERENCES,INDEX,ALTER,CREATE TEMPORARY TABLES,' +
    'LOCK TABLES,EXECUTE,CREATE VIEW,SHOW VIEW,CREATE ROUTINE,ALTER ROUTINE,SHOW CREATE ROUTINE,EVENT,TRIGGER,RELOAD,SHUTDOWN,PROCESS,' +
    'FILE,SHOW DATABASES,SUPER,REPLICATION SLAVE,REPLICATION CLIENT,REPLICATION REPLICA,REPLICATION MASTER ADMIN,' +
    'REPLICATION SLAVE ADMIN,REPLICATION REPLICA ADMIN,REPLICA MONITOR,SLAVE MONITOR,BINLOG ADMIN,BINLOG MONITOR,BINLOG REPLAY,' +
    'CONNECTION ADMIN,FEDERATED ADMIN,READ_ONLY ADMIN,READ ONLY ADMIN,SET USER,CREATE USER,CREATE ROLE,DROP ROLE,CREATE TABLESPACE,' +
    'GRANT OPTION,PROXY'
  ).split(','),
)

/** One that no server knows would make each account fail, once a step asks for it. */
export const mysqlPrivilege = z
  .string()
  .regex(/^[A-Z]+(?:[ _][A-Z]+){0,5}$/, 'a privilege in capitals: SELECT, CREATE TEMPORARY TABLES')
  .refine(
    (name) => privileges.has(name) || /^[A-Z]+(?:_[A-Z]+)+$/.test(name),
    'no privilege of MariaDB or MySQL: SELECT, CREATE, CREATE TEMPORARY TABLES and so on',
  )

const mysqlGrant = z
  .strictObject({
    privileges: z.array(mysqlPrivilege).min(1).max(30),
    on: z
      .string()
      .regex(
        /^(?:\*\.\*|[^\p{Cc}.*]{1,64}\.(?:\*|[^\p{Cc}.*]{1,64}))$/u,
        '`database.table`, `database.*` or `*.*`: names as they are, without wildcards',
      ),
  })
  .refine(
    ({ privileges, on }) =>
      !privileges.some((one) => outliving.test(one) && (on === '*.*' || !one.startsWith('ALL'))),
    {
      path: ['privileges'],
      message:
        'GRANT OPTION, CREATE USER, CREATE ROLE, SUPER, PROXY, and ALL on `*.*` make what outlives the step: name the privileges that it needs',
    },
  )

const connectionsOf = z
  .int()
  .min(1)
  .max(1_000)
  .default(20)
  .describe('How many connections it may have open at once.')

export const postgresRole = z
  .strictObject({
    admin: secretReference.describe(
      '`user:password` of a role that may make roles (CREATEROLE, and from PostgreSQL 16 on ADMIN OPTION of `grants`).',
    ),
    database: postgresName.optional().describe('Where it logs in for that; `postgres` if left out.'),
    grants: z.array(postgresName).max(20).default([]).describe('Roles that it is a member of.'),
    statements: z
      .array(z.string().min(1).max(2_000))
      .max(20)
      .optional()
      .describe('Run after it was made, in the same transaction, with `{role}` for its quoted name.'),
    owner: postgresName
      .optional()
      .describe(
        'Who gets what it owns when it is dropped: one of `grants`, since what a step left there runs with that role’s rights. Without it, what it owns is dropped.',
      ),
    connections: connectionsOf,
    ttl,
  })
  .refine(({ owner, grants }) => owner === undefined || grants.includes(owner), {
    path: ['owner'],
    message:
      'the owner is one of `grants`: functions and views that a step leaves run with the rights of their owner, and must not have more than the step had',
  })
  .describe('A login role of PostgreSQL, made for a step and dropped with it.')

export const mysqlRole = z
  .strictObject({
    admin: secretReference.describe(
      '`user:password` of an account with CREATE USER, CONNECTION ADMIN (MySQL: CONNECTION_ADMIN and PROCESS), and WITH GRANT OPTION what it grants.',
    ),
    grants: z.array(mysqlGrant).max(20).default([]),
    roles: z
      .array(mysqlName)
      .max(20)
      .default([])
      .describe('Roles that it is given. MariaDB turns on the first at log-in, MySQL all.'),
    host: z
      .string()
      .regex(/^[A-Za-z0-9.%:_/-]{1,60}$/, 'a host as account names have it: 10.0.0.%, or % for any')
      .default('%')
      .describe('From where it may log in.'),
    connections: connectionsOf,
    ttl,
  })
  .describe('An account of MariaDB or MySQL, made for a step and dropped with it.')
