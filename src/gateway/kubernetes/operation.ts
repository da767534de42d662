import { coreGroup, none, secretsGroup } from '../../kinds/index.ts'
import type { Operation } from '../../policy/index.ts'
import type { OfResource } from './asked.ts'
import { isApply, mediaOf } from './media.ts'

/** What a request is called in grants; or why no grant opens it. `named`: what a body says is created. */
export function operationOf(
  connection: string,
  asked: OfResource,
  command: readonly string[] = [],
  named?: string,
): Operation | string {
  const { group, resource, subresource, verb } = asked
  const whole = subresource === undefined ? resource : `${resource}/${subresource}`
  if (group === coreGroup && whole === 'serviceaccounts/token') return minting
  if (group === certificates && resource === 'certificatesigningrequests' && verb !== 'get' && isWrite(verb))
    return 'a certificate that is asked for there opens the cluster, and no step may hold one: let an operator ask for it'
  const own = group === coreGroup ? streams[whole] : undefined
  // What goes on within a pod, or at another server, is an action of its own: no verb reaches it.
  if (subresource === 'proxy') return at(connection, 'k8s:proxy', { ...asked, subresource: undefined })
  if (own === undefined) return at(connection, `k8s:${verb}`, asked, named)
  const operation = at(connection, own, { ...asked, subresource: undefined })
  return own === 'k8s:exec' ? { ...operation, ref: command.map(written).join(' ') } : operation
}

const certificates = 'certificates.k8s.io'
const minting =
  'its answer would be a token, which no step may hold: let an operator name the service account in a kubernetes-token credential of a connection'

const streams: Readonly<Record<string, string>> = {
  'pods/log': 'k8s:logs',
  'pods/exec': 'k8s:exec',
  'pods/attach': 'k8s:attach',
  'pods/portforward': 'k8s:port-forward',
}

/** Does it carry a connection of its own? */
export function isStreamed({ action }: Operation): boolean {
  return action === 'k8s:exec' || action === 'k8s:attach' || action === 'k8s:port-forward'
}

/** What comes bit by bit may come by WebSocket, too, as browsers have it. */
export function maySpeakWebSocket({ action }: Operation): boolean {
  return action === 'k8s:watch' || action === 'k8s:logs'
}

export function isWrite(verb: string): boolean {
  return verb !== 'get' && verb !== 'list' && verb !== 'watch'
}

/**
 * Server-side apply, and a PUT of many resources, make what is not there (apiserver, endpoints/handlers/patch.go and update.go): RBAC
 * asks for `create` then.
 */
export function mayCreate({ verb, subresource, name }: OfResource, type: string | undefined): boolean {
  if (subresource !== undefined || name === undefined) return false
  return verb === 'update' || (verb === 'patch' && isApply(mediaOf(type)))
}

export function isOfSecrets({ group, resource }: OfResource): boolean {
  return group === coreGroup && resource === 'secrets'
}

/** `GROUP/RESOURCE/NAMESPACE/NAME`, or `secrets/NAMESPACE/NAME`. */
function at(connection: string, action: string, asked: OfResource, named?: string): Operation {
  const { group, resource, subresource } = asked
  const what = isOfSecrets(asked)
    ? secretsGroup
    : `${group}/${resource}${subresource === undefined ? '' : `:${subresource}`}`
  const name = asked.name === undefined ? (named ?? none) : escaped(asked.name)
  return { action, connection, path: `${what}/${asked.namespace ?? none}/${name}` }
}

/** A name as grants have it. */
export function escaped(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:-]/gu, (one) => bytesOf(one))
  return plain === none ? '%7E' : plain
}

function written(word: string): string {
  return word === '' ? '""' : word.replaceAll(/[^!#$&-)+-~]/gu, (one) => bytesOf(one))
}

function bytesOf(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
