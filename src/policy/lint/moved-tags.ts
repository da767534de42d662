import { intersects } from '../../lib/index.ts'
import { kindOf } from '../../kinds/index.ts'
import type { LintRule } from './rule.ts'

const does: Readonly<Record<string, string>> = {
  'git:force': 'move',
  'git:delete': 'delete',
  'oci:force': 'move',
  'oci:delete': 'delete',
}

export const movedTags: LintRule = {
  id: 'moved-tags',
  severity: 'warning',
  title: 'A role may move or delete tags',
  why: 'Others build from a tag by its name. One stolen step then puts its own code under every version that was ever released (tj-actions/changed-files, trivy-action).',
  fix: 'git:push makes new tags and never moves one. Grant git:force and git:delete on branches, or on the one tag that is meant to move. So oci:push and oci:force: name `latest`, and what else is meant to move.',
  check({ roles }) {
    return roles.flatMap(({ name, grants }) =>
      grants.flatMap(({ action, ref, source, index }) => {
        const verb = Object.hasOwn(does, action) ? does[action] : undefined
        // A tag that is named in full was meant.
        // Of a registry a grant without a tag is for all of them.
        if (verb === undefined || ref?.includes('*') === false) return []
        if (kindOf(action) === 'git' && !intersects(ref ?? '*', 'refs/tags/*')) return []
        return [
          {
            path: ['roles', name, 'grants', index],
            message: `role "${name}": "${source}" lets it ${verb} tags that others rely on`,
          },
        ]
      }),
    )
  },
}
