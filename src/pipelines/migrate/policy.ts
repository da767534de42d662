import { unknownName } from './commands/command.ts'
import { templateOf, type ConnectionTemplate } from './connections.ts'
import type { Migration, MovedRole, Need } from './model.ts'

/** A first policy, as text, and what whoever applies it still has to do. */
export interface PolicyDraft {
  readonly text: string
  /** Names of secrets in the vault, and what each holds. */
  readonly secrets: readonly { readonly name: string; readonly holds: string }[]
  /** `connections.aws.account: its twelve digits`. */
  readonly fillIn: readonly string[]
}

export interface PolicyIssuer {
  readonly name: string
  readonly kind: string
  /** Further keys, as YAML. */
  readonly keys: readonly string[]
}

/** The UUID of no deployment environment: Bitbucket's files name them, and its tokens do not. */
export const unknownEnvironment = '{00000000-0000-0000-0000-000000000000}'

/** What files say of a cloud account somewhere: values of keys, as YAML. */
export type Said = Readonly<Record<string, string>>

function withSaid(template: ConnectionTemplate, said: Said): ConnectionTemplate {
  const { more, fillIn = [] } = template
  if (more === undefined) return template
  const keyOf = (line: string) => line.slice(0, line.indexOf(':'))
  const known = (line: string) => said[`${template.kind}.${keyOf(line)}`]
  return {
    ...template,
    more: more.map((line) => (known(line) === undefined ? line : `${keyOf(line)}: ${known(line)}`)),
    fillIn: fillIn.filter((line) => known(line) === undefined),
  }
}

/**
 * The mayfly.yaml that moved pipelines need: as narrow as they show. `learning`: roles that record what their grants deny and let it
 * pass, each with its last day.
 */
export function draftPolicyText(
  issuers: readonly PolicyIssuer[],
  roles: readonly MovedRole[],
  migrations: readonly Pick<Migration, 'moved'>[],
  said: Said = {},
  learning: Readonly<Record<string, string>> = {},
): PolicyDraft {
  const connections = connectionsOf(roles)
  const ways = new Map(
    roles.flatMap(({ needs }) =>
      needs.flatMap(({ connection, way }) => (way === undefined ? [] : [[connection, way] as const])),
    ),
  )
  const templateFor = (name: string, url: string | undefined) =>
    withSaid({ ...templateOf(name, url), ...ways.get(name) }, said)
  const credentialed = new Set([
    ...migrations.flatMap(({ moved }) => moved.map(({ connection }) => connection)),
    ...roles.flatMap(({ needs }) =>
      needs
        .filter(({ writes, needsLogin }) => writes || needsLogin === true)
        .map(({ connection }) => connection),
    ),
  ])
  const isUsed = (name: string) => credentialed.has(name)
  const lines = [
    '# mayfly.yaml: who may do what. Look through it, then `mayfly policy lint` and `mayfly apply`.',
    'issuers:',
    ...issuers.map(({ name, kind, keys }) => `  ${name}: { ${[`kind: ${kind}`, ...keys].join(', ')} }`),
    '',
    'connections:',
    ...[...connections].flatMap(([name, url]) => connectionLines(name, templateFor(name, url), isUsed(name))),
    '',
    'roles:',
    ...roles.flatMap((role) => roleLines(role, learning[role.name])),
    '',
  ]
  const used = [...connections].map(([name, url]) => ({ name, template: templateFor(name, url) }))
  return {
    text: lines.join('\n'),
    secrets: used.flatMap(({ name, template: { credential, holds = 'the secret' } }) =>
      credential !== undefined && isUsed(name) ? [{ name, holds }] : [],
    ),
    fillIn: [
      ...used.flatMap(({ name, template: { fillIn = [] } }) =>
        fillIn.map((one) => `connections.${name}.${one}`),
      ),
      ...roles.flatMap(({ name, trust }) =>
        trust.any.some((one) => one['environment'] === unknownEnvironment)
          ? [`roles.${name}.trust.environment: the UUID of the deployment environment, in braces`]
          : [],
      ),
      ...roles.flatMap(({ name, needs }) =>
        grantsOf(needs)
          .filter((grant) => grant.includes(unknownName))
          .map((grant) => `roles.${name}.grants: "${grant}"`),
      ),
    ],
  }
}

function connectionsOf(roles: readonly MovedRole[]): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const { connection, url } of roles.flatMap(({ needs }) => needs))
    if (url !== undefined || !found.has(connection)) found.set(connection, url ?? found.get(connection))
  return new Map([...found].toSorted(([one], [other]) => one.localeCompare(other)))
}

function connectionLines(name: string, template: ConnectionTemplate, isUsed: boolean): string[] {
  const { kind, url, credential, more = [], fillIn = [] } = template
  const keys = [
    `kind: ${kind}`,
    ...(url === undefined ? [] : [`url: ${text(url)}`]),
    ...(credential === undefined || !isUsed ? [] : [`credential: ${credentialText(credential, name)}`]),
    ...more,
  ]
  return [...fillIn.map((one) => `  # FILL IN ${one}`), `  ${name}: { ${keys.join(', ')} }`]
}

function credentialText(credential: NonNullable<ConnectionTemplate['credential']>, name: string): string {
  if (typeof credential === 'object') {
    const { header, prefix } = credential
    const front = prefix === undefined ? '' : `, prefix: ${JSON.stringify(prefix)}`
    return `{ header: { name: ${header}${front}, secret: secret:${name} } }`
  }
  if (credential === 'authorization') return `{ header: { name: Authorization, secret: secret:${name} } }`
  return `{ ${credential}: secret:${name} }`
}

function roleLines(
  { name, description, trust, needs, hosts, allow }: MovedRole,
  until: string | undefined,
): string[] {
  const all = Object.entries(trust.all).map(([key, value]) => `${key}: ${text(value)}`)
  const [only, ...others] = trust.any
  const alternatives = trust.any.map(
    (one) =>
      `        - { ${Object.entries(one)
        .map(([key, value]) => `${key}: ${value === 'true' ? value : text(value)}`)
        .join(', ')} }`,
  )
  const merged =
    only === undefined
      ? []
      : Object.entries(only).map(([key, value]) => `${key}: ${value === 'true' ? value : text(value)}`)
  const isOne = others.length === 0
  return [
    `  ${name}:`,
    `    description: ${text(description)}`,
    '    trust:',
    ...[...all, ...(isOne ? merged : [])].map((line) => `      ${line}`),
    ...(isOne ? [] : ['      any:', ...alternatives]),
    ...(until === undefined
      ? []
      : [
          '    # It learns: mayfly policy shadow-report says which grants to add.',
          '    mode: shadow',
          `    until: ${JSON.stringify(until)}`,
        ]),
    '    ttl: 15m',
    '    isolation: namespace',
    ...(allow.length === 0 ? [] : [`    allow: [${allow.join(', ')}]`]),
    '    grants:',
    ...grantsOf(needs).map((grant) => `      - ${text(grant)}`),
    ...(hosts.length === 0 ? [] : [`    egress: [${hosts.map(text).join(', ')}]`]),
  ]
}

/** The text of a grant: `action connection/path@ref`. */
export function grantText({ action, connection, path, ref }: Need): string {
  const place = path === undefined ? connection : `${connection}/${path}`
  return `${action} ${ref === undefined ? place : `${place}@${ref}`}`
}

function grantsOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.map(grantText))].toSorted((one, other) => one.localeCompare(other))
}

/** As YAML on one line: quoted unless it is plain beyond doubt. */
function text(value: string): string {
  return /^[A-Za-z][\w./-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value)
}
