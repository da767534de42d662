import { unknownName } from './commands/command.ts'
import type { Migration, Need } from './model.ts'

/** Where the API of everybody's GitLab is, and Git beside it. */
const everybodys = 'https://gitlab.com'

/**
 * GitLab has its API and its repositories on one host, and no two connections have one address: where the roles reach both, those for
 * Git begin below a group each (`https://gitlab.com/GROUP`).
 */
export function besideApi(migrations: readonly Migration[]): Migration[] {
  const needs = migrations.flatMap(({ roles }) => roles.flatMap((role) => role.needs))
  const api = needs.find(({ connection }) => connection === 'gitlab')
  const own = needs.find(({ connection }) => connection === 'git')
  const host = api?.url ?? everybodys
  const ownGroup = groupOf(own)
  if (api === undefined || ownGroup === undefined || own?.url !== host) return [...migrations]
  const below = (need: Need): Need => {
    if (need.connection !== 'git' || (need.url ?? host) !== host) return need
    const group = groupOf(need)
    if (group === undefined) return { ...need, path: unknownName, url: `${host}/${ownGroup}` }
    const connection =
      group === ownGroup ? 'git' : `git-${group.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`
    return { ...need, connection, path: (need.path ?? '').slice(group.length + 1), url: `${host}/${group}` }
  }
  return migrations.map((one) => ({
    ...one,
    roles: one.roles.map((role) => ({ ...role, needs: role.needs.map(below) })),
  }))
}

/** The first part of a repository's path, where it has several and no variable decides. */
function groupOf(need: Need | undefined): string | undefined {
  return /^([\w.-]+)\/./.exec(need?.path ?? '')?.[1]
}
