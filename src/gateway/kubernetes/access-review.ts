import { coreGroup } from '../../kinds/index.ts'
import type { Exchange } from '../exchange.ts'
import { operationOf } from './operation.ts'
import type { OfResource } from './asked.ts'
import { answerJson } from './status.ts'

const authorization = 'authorization.k8s.io'
const authentication = 'authentication.k8s.io'
const verbs = new Set(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'])

/** A question about the asker itself, which anybody may ask. */
export function isReview({ group, resource, subresource, verb }: OfResource): boolean {
  if (subresource !== undefined || verb !== 'create') return false
  if (group === authentication) return resource === 'selfsubjectreviews'
  return group === authorization && /^selfsubject(?:access|rules)reviews$/.test(resource)
}

/**
 * Answers a SelfSubjectAccessReview with no where no grant of the step is for what it asks: the server knows only what the connection's
 * credential may. False: the server is to be asked.
 */
export function answerReview(
  exchange: Exchange,
  { resource }: OfResource,
  attributes: Readonly<Record<string, unknown>> | undefined,
): boolean {
  if (resource !== 'selfsubjectaccessreviews' || attributes === undefined) return false
  const text = (name: string) => (typeof attributes[name] === 'string' ? attributes[name] : '')
  const verb = text('verb')
  const group = text('group')
  const subresource = text('subresource')
  const operation = operationOf(exchange.connection.name, {
    ...{ of: 'resource', path: '', parameters: [] },
    ...{ verb, group: group === '' ? coreGroup : group, resource: text('resource') },
    subresource: subresource === '' ? undefined : subresource,
    namespace: text('namespace') === '' ? undefined : text('namespace'),
    name: text('name') === '' ? undefined : text('name'),
  })
  const may =
    typeof operation !== 'string' &&
    verbs.has(verb) &&
    exchange.would(operation, { anyRef: operation.ref !== undefined })
  if (may) return false
  const reason =
    typeof operation === 'string'
      ? `mayfly: ${operation}`
      : `mayfly: no grant of this step allows ${operation.action} ${operation.connection}/${operation.path}`
  answerJson(
    exchange.response,
    {
      ...{ kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {} },
      spec: { resourceAttributes: attributes },
      status: { allowed: false, denied: true, reason: reason.slice(0, 1_000) },
    },
    201,
  )
  return true
}
