import type { LintRule } from './rule.ts'

export const shadow: LintRule = {
  id: 'shadow',
  severity: 'warning',
  title: 'A role blocks little',
  why: 'In shadow mode a role lets pass on its connections what its grants would deny, and records it. It is for finding out, not for keeping.',
  fix: 'Add the grants that `mayfly policy shadow-report` names, then remove mode: shadow.',
  check: ({ roles }) =>
    roles
      .filter((role) => role.shadow)
      .map(({ name, shadowUntilMs }) => ({
        path: ['roles', name, 'mode'],
        message: `role "${name}" is in shadow mode${shadowUntilMs === undefined ? ', and without an end: add until: DAY' : ` until ${new Date(shadowUntilMs - 1).toISOString().slice(0, 10)}`}`,
      })),
}
