import type { Target } from '../raw-target.ts'
import { called, inLowerCase, unnamed, type Called } from './called.ts'

/** Where a path begins, as grants write it, and what follows behind. */
interface Scope {
  /** `shop-rg`; `~` for what is in no group; empty for what is outside of the subscription. */
  readonly place: readonly string[]
  /** What the scope itself is: `subscriptions/resourcegroups`. */
  readonly is: string
  readonly rest: readonly string[]
}

const verbs: Readonly<Record<string, string>> = {
  ...{ GET: 'read', HEAD: 'read', PUT: 'write', PATCH: 'write', DELETE: 'delete' },
}

/**
 * What a request to Azure Resource Manager does, as its RBAC calls it: provider, types and verb; a POST is an action of its own. Paths are
 * taken in any case there, so names are in lower case here. A resource is named by group and name, `shop-rg/shop`; what is in no group by
 * `~/NAME`, and what is outside of the subscription by a slash in front.
 */
export function readArm(subscription: string, method: string, target: Target): Called | string {
  const parts = inLowerCase(target.parts)
  if (parts === undefined) return 'its path has characters that are others than they seem'
  if (parts.at(-1) === '') parts.pop()
  if (parts.some((part) => part === '' || /[/\\]/.test(part))) return 'its path has parts without a name'
  if (parts[0] === 'batch') return 'a batch of requests is not passed on: let the tool send them one by one'
  if (parts[0] === 'subscriptions' && parts.length > 1 && parts[1] !== subscription)
    return `it is for subscription ${parts[1]?.slice(0, 60)}, and the connection for ${subscription}`
  const secret = secretIn(method, parts)
  if (secret !== undefined) return secret
  const scope = scopeOf(parts)
  const one =
    scope.rest[0] === 'providers' && scope.rest.length > 2
      ? ofProvider(method, scope)
      : ofScope(method, scope)
  return one ?? unnamed('arm', '', method, { ...target, parts })
}

function scopeOf(parts: readonly string[]): Scope {
  if (parts[0] !== 'subscriptions' || parts.length < 2) return { place: [''], is: '', rest: parts }
  const [, , kind, group, ...rest] = parts
  if (kind === 'resourcegroups' && group !== undefined)
    return { place: [group], is: 'subscriptions/resourcegroups', rest }
  return { place: ['~'], is: 'subscriptions', rest: parts.slice(2) }
}

/** A resource, or with a further `providers` one that belongs to it: a lock, or who may do what there. */
function ofProvider(method: string, { place, rest }: Scope): Called | undefined {
  const [, provider = '', ...path] = rest
  const further = path.findIndex((part, i) => part === 'providers' && i % 2 === 0)
  if (further > 0)
    return ofProvider(method, {
      place: [...place, provider, ...path.slice(0, further)],
      is: '',
      rest: path.slice(further),
    })
  const types = path.filter((_, i) => i % 2 === 0)
  const names = path.filter((_, i) => i % 2 === 1)
  const isItem = types.length === names.length
  const of = [...place, ...names].join('/')
  if (!/^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/.test(provider) || types.length === 0) return undefined
  if (types.some((type) => !/^[a-z0-9_.$-]{1,80}$/.test(type))) return undefined
  const word =
    method === 'POST'
      ? isItem
        ? undefined
        : 'action'
      : isItem || method === 'GET' || method === 'HEAD'
        ? verbs[method]
        : undefined
  return word === undefined ? undefined : called([provider, ...types, word].join('/'), of, word === 'read')
}

/** A subscription, a group, and what each has of its own (`Microsoft.Resources`). */
function ofScope(method: string, { place, is, rest }: Scope): Called | undefined {
  const [sub, name, ...more] = rest
  const isNamed = sub === 'providers' && name !== undefined
  if (more.length > 0 || (name !== undefined && !isNamed)) return undefined
  const type = [is, sub].filter((one) => one !== undefined && one !== '').join('/')
  if (!/^[a-z]{1,40}(?:\/[a-z]{1,40}){0,2}$/.test(type)) return undefined
  const isItem = sub === undefined
  const word = method === 'POST' ? 'action' : isItem || method === 'GET' ? verbs[method] : undefined
  if (word === undefined || (isItem && method === 'POST')) return undefined
  const of = is === '' ? ['', ...rest] : isNamed ? [...place, name] : place
  return called(`microsoft.resources/${type}/${word}`, of.join('/'), word === 'read')
}

/** The name of a POST whose answer is a key, a signed address, a password or a token. */
const secretVerb =
  /keys?$|^keys?value|createquerykey|secret|credential|password|token|sas(?:$|url|uri)|connectionstring|kubeconfig|publishxml|publishingprofile|(?:upload|callback|full)url|begingetaccess|bootdiagnosticsdata|triggerstatus$|vpnclient|vpnprofile/
/** Parts of a path behind which keys are, however they are asked for. */
const secretParts =
  /^(?:readonlykeys|accessprofiles|hostruntime|functionkeys|systemkeys|publishingcredentials|sharedkeys?)$/
/** Of the settings of a web app those that are credentials. */
const secretSettings =
  /^(?:publishingcredentials|connectionstrings|azurestorageaccounts|authsettings(?:v2)?|backup)$/

/** Answers that would be a credential which outlives the step, or opens something else: no grant opens these. */
function secretIn(method: string, parts: readonly string[]): string | undefined {
  // What is no letter or digit, a host might pass over.
  const plain = parts.slice(2).map((part) => part.replaceAll(/[^a-z0-9]/g, ''))
  const [last = '', before = ''] = plain.toReversed()
  const isPosted =
    method === 'POST' &&
    (secretVerb.test(last) ||
      /createquerykey/.test(before) ||
      (last === 'list' && secretSettings.test(before)))
  // Azure makes a key for who puts none.
  const isOfFunction = plain.includes('functions') && plain.includes('keys')
  return isPosted || isOfFunction || plain.some((part) => secretParts.test(part))
    ? `the answer to ${method} .../${parts.slice(-2).join('/').slice(0, 120)} would be a credential, which no step may hold: a cluster is a connection of kind kubernetes, a registry one of kind oci, and storage needs no key`
    : undefined
}
