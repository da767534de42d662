import { intersects } from '../../lib/index.ts'
import { actionNamed } from '../../kinds/index.ts'
import { writtenGrant } from '../grant.ts'
import type { DraftGrant, LintRule } from './rule.ts'

export const ownCode: LintRule = {
  id: 'own-code',
  severity: 'note',
  title: 'A role may write what the run did not make',
  why: 'A step that was taken over then releases the commit of another branch, or an image, package or file that nobody built from the source (tj-actions/changed-files, XZ).',
  fix: 'Where the run itself makes what it writes, demand it: commit: own of a push, artifact: run, or provenance with the role that makes it, of what is published or deployed by its digest.',
  check({ roles }) {
    return roles.flatMap(({ name, grants }) =>
      grants.flatMap((grant) => {
        const demand = demandFor(grant)
        if (demand === undefined) return []
        const { source, conditions, index } = grant
        const better = writtenGrant({ source, conditions: { ...conditions, ...demand } })
        return [
          {
            path: ['roles', name, 'grants', index],
            message: `role "${name}": "${source}" does not ask whether the run made what it writes: ${better}`,
          },
        ]
      }),
    )
  },
}

/** What the grant could ask for, and does not. */
function demandFor({ action, path, conditions }: DraftGrant) {
  const brings = actionNamed(action)?.brings
  if (brings === 'commit') return conditions?.commit === undefined ? { commit: 'own' as const } : undefined
  const isSilent =
    brings === 'artifact' && conditions?.artifact === undefined && conditions?.provenance === undefined
  if (!isSilent || (action.startsWith('k8s:') && !imagesIn.some((one) => intersects(path, one))))
    return undefined
  return { artifact: 'run' as const }
}

/** Kubernetes' own objects that name images. */
const imagesIn = ['apps/*', 'batch/*', 'core/pods/*', 'core/replicationcontrollers/*']
