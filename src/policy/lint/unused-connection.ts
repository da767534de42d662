import type { LintRule } from './rule.ts'

export const unusedConnection: LintRule = {
  id: 'unused-connection',
  severity: 'error',
  title: 'Nobody can reach a connection',
  why: 'A credential that nobody needs can only be stolen; and a grant that was meant for it is missing or misspelt.',
  fix: 'Grant it in a role, or remove it and its secret.',
  refused: 'always refused',
  check({ roles, connections }) {
    const used = new Set(roles.flatMap(({ grants }) => grants.map(({ connection }) => connection)))
    return connections
      .filter((name) => !used.has(name))
      .map((name) => ({
        path: ['connections', name],
        message: `nobody can reach connection "${name}": grant it in a role or remove it`,
        refused: true as const,
      }))
  },
}
