import type { LintRule } from './rule.ts'

export const sharedWorkspace: LintRule = {
  id: 'shared-workspace',
  severity: 'warning',
  title: 'A role that writes may run where other steps have written',
  why: 'A hook, a Makefile, a package’s script or node_modules/.bin that a step with fewer rights left there runs with the rights of this role (Shai-Hulud, TanStack: what strangers’ code had written was published).',
  fix: 'Leave `shared-workspace` out: the step starts in a workspace of its own, with `checkout: true` and the `artifacts` of the steps that it needs.',
  check({ roles }) {
    return roles.flatMap(({ name, writes, allow }) =>
      writes && allow.includes('shared-workspace')
        ? [
            {
              path: ['roles', name, 'allow', allow.indexOf('shared-workspace')],
              message: `role "${name}" writes, and may run in a workspace that other steps have written to`,
            },
          ]
        : [],
    )
  },
}
