import { coreGroup } from '../../kinds/index.ts'
import { valueOf } from './query.ts'
import type { OfResource } from './asked.ts'

const releaseType = 'helm.sh/release.v1'
const term = /^(?:name|owner|status|version|modifiedAt)=[A-Za-z0-9._-]*$/

/**
 * Helm keeps its releases as Secrets, and finds those of one by their labels (helm, pkg/storage/driver/secrets.go). Such a list or watch
 * is one of Secrets of this name, so that it needs no grant for all Secrets; that the server answers with Helm's alone the type says
 * that is asked for with it, whatever labels others have.
 */
export function asReleases(asked: OfResource): OfResource {
  const { verb, group, resource, subresource, parameters } = asked
  const isOfSecrets = group === coreGroup && resource === 'secrets' && subresource === undefined
  if (!isOfSecrets || (verb !== 'list' && verb !== 'watch')) return asked
  const terms = (valueOf(parameters, 'labelSelector') ?? '').split(',')
  const names = terms.flatMap((one) => /^name=([a-z0-9][a-z0-9.-]*)$/.exec(one)?.[1] ?? [])
  const isOfHelm = terms.includes('owner=helm') && terms.every((one) => term.test(one)) && names.length <= 1
  if (!isOfHelm || (valueOf(parameters, 'fieldSelector') ?? '') !== '') return asked
  const others = parameters.filter(([name]) => name !== 'fieldSelector')
  return {
    ...asked,
    name: ['sh.helm.release.v1', ...names, '~'].join('.'),
    parameters: [...others, ['fieldSelector', `type=${releaseType}`]],
  }
}
