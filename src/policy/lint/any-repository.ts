import { pinsOneOf } from '../trust.ts'
import type { LintRule } from './rule.ts'

export const anyRepository: LintRule = {
  id: 'any-repository',
  severity: 'error',
  title: 'Any repository of a shared issuer could assume the role',
  why: 'Anybody may have a repository on a shared issuer, and its jobs get tokens as valid as yours. Only an immutable id tells them apart.',
  fix: 'Fix repository_id (or owner_id) to a literal value, in every alternative, or limit the issuer to your own account.',
  refused: 'always refused',
  check({ roles, issuers }) {
    return roles.flatMap(({ name, trust }) => {
      const pins = issuers.get(trust.issuer)?.pins ?? []
      if (pins.length === 0 || pinsOneOf(trust, pins)) return []
      const message = `role "${name}": any repository of issuer "${trust.issuer}" could assume it: pin ${pins.join(' or ')} to a literal value`
      return [{ path: ['roles', name, 'trust'], message, refused: true as const }]
    })
  },
}
