import type { ConfigProblem, Locate, PolicyDocument } from '../config/index.ts'
import { compilePattern } from '../lib/index.ts'

/** Why what is planted would be touched by honest work, or by nobody. */
export function honeyProblems(
  document: Pick<PolicyDocument, 'honey' | 'connections' | 'egress' | 'roles'>,
  locate: Locate,
): ConfigProblem[] {
  const { honey } = document
  if (honey === undefined) return []
  const needed = neededHosts(document)
  const hosts = honey.hosts.flatMap((host, i) => {
    const by = needed.find(({ pattern }) => compilePattern(pattern).matches(host))
    return by === undefined
      ? []
      : [
          {
            ...locate(['honey', 'hosts', i]),
            message: `honey: ${host} is named by ${by.place}: steps may ask for it, so asking for it says nothing`,
          },
        ]
  })
  const roles = (honey.roles ?? []).flatMap((role, i) =>
    Object.hasOwn(document.roles, role)
      ? []
      : [{ ...locate(['honey', 'roles', i]), message: `honey: there is no role "${role}"` }],
  )
  const taken = Object.entries(document.connections).flatMap(([name, { deliver }]) =>
    Object.entries({ env: deliver?.env ?? {}, files: deliver?.files ?? {} }).flatMap(([key, there]) =>
      Object.keys(there)
        .filter((one) => Object.hasOwn(honey[key as 'env' | 'files'], one))
        .map((one) => ({
          ...locate(['honey', key, one]),
          message: `honey: ${one} is what connection "${name}" delivers: plant it elsewhere`,
        })),
    ),
  )
  return [...hosts, ...roles, ...taken]
}

function neededHosts({
  connections,
  egress,
  roles,
}: Pick<PolicyDocument, 'connections' | 'egress' | 'roles'>): { pattern: string; place: string }[] {
  const withoutPort = (host: string) => host.replace(/:[0-9]+$/, '')
  return [
    ...Object.entries(connections).flatMap(([name, one]) =>
      [
        new URL(one.url).hostname,
        ...(one.storage ?? []),
        ...(one.token_host === undefined ? [] : [one.token_host]),
      ].map((host) => ({ pattern: withoutPort(host), place: `connection "${name}"` })),
    ),
    ...egress.map((host) => ({ pattern: withoutPort(host), place: 'egress' })),
    ...Object.entries(roles).flatMap(([name, role]) =>
      role.egress.map((entry) => ({
        pattern: withoutPort(typeof entry === 'string' ? entry : entry.host),
        place: `the egress of role "${name}"`,
      })),
    ),
  ]
}
