import { isWrite, namesPath } from '../../kinds/index.ts'
import type { LintRule } from './rule.ts'

export const bareStar: LintRule = {
  id: 'bare-star',
  severity: 'error',
  title: 'A grant writes to everything',
  why: 'One stolen step then changes every repository, or every ref, that the connection’s credential reaches: worms live on this (Shai-Hulud).',
  fix: 'Name what it writes to: git:push github/octo/app@refs/tags/v*.',
  check({ roles }) {
    return roles.flatMap(({ name, grants }) =>
      grants.flatMap(({ action, path, ref, source, index }) => {
        if (!isWrite(action) || !namesPath(action)) return []
        const what = isBare(path)
          ? 'everything on the connection'
          : ref !== undefined && isBare(ref.replace(/^refs\//, ''))
            ? 'every ref'
            : undefined
        if (what === undefined) return []
        return [
          {
            path: ['roles', name, 'grants', index],
            message: `role "${name}": "${source}" writes to ${what}`,
          },
        ]
      }),
    )
  },
}

function isBare(pattern: string): boolean {
  return /^[*/]*\*[*/]*$/.test(pattern)
}
