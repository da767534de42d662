import { isWrite, kindNamed, kindOf, namesPath } from '../../kinds/index.ts'
import type { LintRule } from './rule.ts'

export const bareStar: LintRule = {
  id: 'bare-star',
  severity: 'error',
  title: 'A grant writes to everything',
  why: 'One stolen step then changes every repository, or every ref, that the connection’s credential reaches: worms live on this (Shai-Hulud).',
  fix: 'Name what it writes to: git:push github/octo/app@refs/tags/v*, aws:call prod/s3:PutObject/releases/*.',
  check({ roles }) {
    return roles.flatMap(({ name, grants }) =>
      grants.flatMap(({ action, path, ref, source, index }) => {
        if (!isWrite(action) || !namesPath(action)) return []
        const what = isBare(path)
          ? 'everything on the connection'
          : isWholeService(action, path, ref)
            ? 'everything of a service'
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

/** Of kinds whose paths name actions of a service, and whose refs what they are about. */
function isWholeService(action: string, path: string, ref: string | undefined): boolean {
  const kind = kindOf(action)
  const isCall = kind !== undefined && kindNamed(kind).refMark !== undefined
  return isCall && path.endsWith(':*') && (ref === undefined || isBare(ref))
}

function isBare(pattern: string): boolean {
  return /^[*/]*\*[*/]*$/.test(pattern)
}
