import { placedEgress, type LintRule } from './rule.ts'

export const privateEgress: LintRule = {
  id: 'private-egress',
  severity: 'warning',
  title: 'A role reaches a host inside your network',
  why: 'Services inside often trust whoever can reach them. The step speaks to this one directly: no operation is named, no credential is kept from it, and what passes is not looked at.',
  fix: 'Make it a connection if its protocol is one that Mayfly speaks; else give it to the one role that needs it.',
  check: (subject) =>
    placedEgress(subject).flatMap(({ source, private: named, who, path }) =>
      named ? [{ path, message: `${who} may reach ${source}, also at a private address` }] : [],
    ),
}
