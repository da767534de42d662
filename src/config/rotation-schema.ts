import { Cron } from 'croner'
import { z } from 'zod'
import { httpRequest } from './credential-schema.ts'
import { askedUrl } from './plain-url.ts'
import { mysqlPrivilege } from './database-account-schema.ts'
import { secretReference } from './secret-reference.ts'

const sqlName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'a name of letters, digits and `_`')
const longTime = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[mhd]$/, { error: 'a time such as 30m, 12h or 30d', abort: true })
  .refine((text) => longMs(text) <= 3650 * 86_400_000, 'at most ten years')

/** Milliseconds of a time such as `30d`. */
export function longMs(text: string): number {
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000 }[text.slice(-1)] ?? Number.NaN
  return Number(text.slice(0, -1)) * unit
}

const cron = z
  .string()
  .max(100)
  .refine(isCron, 'five fields of cron, which match a time: "0 3 * * 1" is Mondays at 03:00 UTC')

/** Always UTC: no hour is skipped or comes twice. */
export function parseCron(text: string): Cron {
  return new Cron(text, { mode: '5-part', timezone: 'UTC', paused: true })
}

function isCron(text: string): boolean {
  // Not `@daily`, whose hour nobody sees.
  if (!/^[0-9A-Za-z*,/#-]+(?: +[0-9A-Za-z*,/#-]+){4}$/.test(text)) return false
  try {
    return parseCron(text).nextRun() !== null
  } catch {
    return false
  }
}

const timeOfDay = '(?:[01][0-9]|2[0-3]):[0-5][0-9]'
const window = z
  .string()
  .regex(new RegExp(`^${timeOfDay}-${timeOfDay}$`), {
    error: 'two times of the day, UTC, such as "02:00-05:00" or "22:00-02:00"',
    abort: true,
  })
  .refine((text) => text.slice(0, 5) !== text.slice(6), 'a window that has no length')

const host = z
  .string()
  .regex(
    /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?$/,
    'a host, and a port if it is not the usual one: db.internal:5432',
  )
const ca = z
  .string()
  .max(100_000)
  .optional()
  .describe(
    'PEM: authorities to trust beside the system’s. TLS is left out only to a loopback address without it.',
  )
const users = sqlName
  .max(28)
  .describe('The two users are called NAME_a and NAME_b; the secret holds `user:password` of the one in use.')

const classes = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  letters: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
  digits: '0123456789',
} as const

/** The characters of a class: one that has a name, or those that stand there. */
export function charactersOf(name: string): string {
  return Object.entries(classes).find(([known]) => known === name)?.[1] ?? name
}

const leastBits = 64
const length = z.int().min(16).max(128)
const generate = z
  .union([
    length,
    z
      .strictObject({
        length,
        of: z
          .array(
            z.union([
              z.enum(['lower', 'upper', 'letters', 'digits']),
              z
                .string()
                .regex(/^[!-/:-@[-`{-~]{1,32}$/, 'signs of ASCII, such as "!#%+", or a name of a class'),
            ]),
          )
          .min(1)
          .max(8)
          .describe(
            '`lower`, `upper`, `letters`, `digits`, or signs such as `"!#%+"`: one of each at least.',
          ),
      })
      .refine(
        ({ length: many, of }) =>
          many * Math.log2(new Set(of.flatMap((name) => charactersOf(name).split(''))).size) >= leastBits,
        'that could be guessed: make it longer, or let it hold more characters',
      ),
  ])
  .describe(
    'Mayfly chooses the value, so many letters and digits or what `of` says, and sends it as `{value}`.',
  )

const rotators = [
  z.strictObject({
    'postgres-users': z
      .strictObject({
        server: host,
        database: sqlName.default('postgres'),
        ca,
        admin: secretReference.describe('`user:password` of a role that may make roles (CREATEROLE).'),
        users,
        grants: z
          .array(sqlName)
          .max(20)
          .optional()
          .describe('Roles that both are members of; those of the user in use if left out.'),
        statements: z
          .array(z.string().max(2_000))
          .max(20)
          .default([])
          .describe('Run after a user was made or armed again, with `{role}` for its quoted name.'),
      })
      .describe('Two users of PostgreSQL that take turns.'),
  }),
  z.strictObject({
    'mysql-users': z
      .strictObject({
        server: host,
        ca,
        admin: secretReference.describe('`user:password` of an account with CREATE USER and GRANT OPTION.'),
        users,
        host: z
          .string()
          .regex(/^[A-Za-z0-9.%:_/-]{1,60}$/)
          .default('%')
          .describe('From where they may log in.'),
        grants: z
          .array(
            z.strictObject({
              privileges: z.array(mysqlPrivilege).min(1).max(30),
              on: z
                .string()
                .regex(/^(?:\*|[A-Za-z0-9_]{1,64})\.(?:\*|[A-Za-z0-9_]{1,64})$/, '`database.table`, or `*`'),
            }),
          )
          .min(1)
          .max(20)
          .describe('What both may do.'),
      })
      .describe('Two users of MariaDB or MySQL that take turns.'),
  }),
  z.strictObject({
    http: z
      .strictObject({
        secrets: z
          .record(z.string().regex(/^[a-z][a-z0-9_]{0,30}$/), secretReference)
          .default({})
          .describe('Secrets, by the names under which requests use them: `{secret.admin}`.'),
        create: httpRequest.describe(
          'Makes the new value. `{rotation.name}` is a name that no other rotation has.',
        ),
        extract: z
          .record(
            z.enum(['value', 'id']),
            z
              .string()
              .regex(
                /^(?:\$(?:\.[A-Za-z0-9_-]+|\[[0-9]{1,3}\])+|header:[A-Za-z0-9-]+)$/,
                '`$.a.b[0]` of the JSON answer, or `header:NAME`',
              )
              .optional(),
          )
          .default({ value: undefined, id: undefined })
          .describe('What the answer to `create` holds: the value, and the id by which it is revoked.'),
        generate: generate.optional(),
        in_place: z
          .boolean()
          .default(false)
          .describe('The upstream keeps one value: the old one dies when the new one is made.'),
        keep: z
          .string()
          .max(200)
          .regex(/^[^{}]*\{value\}[^{}]*$/, 'a text with `{value}` once, such as `robot:{value}`')
          .default('{value}')
          .describe('What the secret holds.'),
        probe: httpRequest.describe(
          'Asked with `{value}`: 2xx says that it works, 401 or 403 that it does not (they tell nothing where a secret of `secrets` is shown, too).',
        ),
        promote: httpRequest.optional().describe('Asked when the new one was probed, before it is used.'),
        identify: z
          .strictObject({ request: httpRequest, id: z.string().max(200) })
          .optional()
          .describe('How to learn the id of a value by itself: of one that a person has set.'),
        revoke: httpRequest.optional().describe('Ends one by `{id}` or `{value}`; 404 says that it is gone.'),
        find: z
          .strictObject({ request: httpRequest, id: z.string().max(200) })
          .optional()
          .describe('How to find, by `{rotation.name}`, what was made by a request whose answer never came.'),
      })
      .describe('Any API, by requests written here: API keys, passwords of registries.'),
  }),
  z.strictObject({
    'github-app-key': z
      .strictObject({
        app_id: z.int().positive(),
        api: askedUrl.optional().describe('`https://api.github.com` if left out.'),
      })
      .describe(
        'GitHub has no API that makes keys of an App: when it is time, people are told; what they set is probed, and so is the old key until it is deleted there.',
      ),
  }),
  z.strictObject({
    'gitlab-token': z
      .strictObject({
        api: askedUrl.optional().describe('`https://gitlab.com/api/v4` if left out.'),
        lives: longTime.default('60d').describe('How long the new one is valid at GitLab; at most a year.'),
      })
      .describe(
        'An access token of GitLab that rotates itself (scope `self_rotate` or `api`); the old one dies at once.',
      ),
  }),
  z.strictObject({
    command: z
      .strictObject({
        name: z
          .string()
          .regex(/^[a-z][a-z0-9-]{0,62}$/)
          .describe('A program that whoever starts the server has named: `mayfly up --rotator NAME=PATH`.'),
        parameters: z.record(z.string().regex(/^[a-z][a-z0-9_]{0,30}$/), z.string().max(1_000)).default({}),
        in_place: z.boolean().default(false),
        timeout: z
          .string()
          .regex(/^[1-9][0-9]?s$/, 'up to 99s')
          .default('30s'),
      })
      .describe('A program of yours; docs/rotation.md has what it is told and what it answers.'),
  }),
]

export const rotationSchema = z
  .strictObject({
    every: longTime.optional().describe('How old the value may be at most: the new one is made before.'),
    cron: cron.optional().describe('When, in UTC.'),
    jitter: longTime.optional().describe('Spread over so much time, so that not everything rotates at once.'),
    window: window.optional().describe('Times of the day, UTC, in which a rotation may begin.'),
    overlap: longTime
      .default('10m')
      .describe('How long the old one lives on at least, also when no step has it any more.'),
    by: z.union(rotators),
  })
  .refine(
    ({ every, cron: at }) => (every === undefined) !== (at === undefined),
    'say when by one of `every` and `cron`',
  )
  .refine(
    ({ cron: at, window: open }) => at === undefined || open === undefined,
    'a `cron` says by itself when: leave `window` out',
  )
  .refine(
    ({ every, window: open }) => every === undefined || open === undefined || longMs(every) >= 2 * 86_400_000,
    'with a `window` at least `every: 2d`: it opens once a day',
  )
  .refine(
    ({ every, jitter }) => every === undefined || jitter === undefined || longMs(jitter) <= longMs(every) / 2,
    'a `jitter` of at most half of `every`',
  )
  .describe('How a new value is made, and when.')

export type RotationConfig = z.output<typeof rotationSchema>
export type RotatorSchema = RotationConfig['by']
export type RotatorName = RotatorSchema extends infer One ? (One extends unknown ? keyof One : never) : never
/** What a rotator needs, as mayfly.yaml has it. */
export type RotatorConfig<Name extends RotatorName> = Extract<RotatorSchema, Record<Name, unknown>>[Name]
