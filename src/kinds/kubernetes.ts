import { formOf, intersects, type SampledForm } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind, KnownConnection } from './kind.ts'
import { asGrantsHave, isMisnamed } from './kubernetes-names.ts'

/** The group of Kubernetes' own first resources has no name there. */
export const coreGroup = 'core'
/** In the place of a group: Secrets, which no grant of the core group reaches. */
export const secretsGroup = 'secrets'
/** Where there is no namespace, or no name. */
export const none = '~'

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const namespace = `(?:${label}|~)`
const name = String.raw`(?:[A-Za-z0-9._~!$&'()+,=:-]|%[0-9A-F]{2})+`
const resource = `${label}(?::[A-Za-z0-9][A-Za-z0-9_.-]{0,62})?`
const group = String.raw`${label}(?:\.${label})*`

const inGroup = new RegExp(`^(?!core/secrets[:/]|secrets/)${group}/${resource}/${namespace}/${name}$`)
const ofSecrets = new RegExp(`^secrets/${namespace}/${name}$`)
const ofUrl = new RegExp(String.raw`^~(?:/[A-Za-z0-9._!$&'()+,=:-]+)+$`)

const place = formOf({
  rule: 'GROUP/RESOURCE/NAMESPACE/NAME (the group of v1 is `core`; `~` where there is no namespace or name), `secrets/NAMESPACE/NAME`, or `~/` and a URL’s path',
  is: (text) =>
    text.length <= maxPathChars &&
    ((inGroup.test(text) && !isMisnamed(...partsOf(text))) || ofSecrets.test(text) || ofUrl.test(text)),
  // Whatever part of a name a star stands for, slashes at its ends among it.
  fillers: ['x', '', 'x/x', 'x/x/x', 'x/x/x/x', 'x/', 'x/x/', 'x/x/x/', '/x', '/x/x', '/x/x/x', '~', '~/x'],
  mend: asGrantsHave,
})
function partsOf(text: string): [group: string, resource: string] {
  const [group = '', resource = ''] = text.split('/', 2)
  return [group, resource.split(':', 1)[0] ?? '']
}
const namesGroup = (pattern: string) => pattern.includes('/') && !(pattern.split('/')[0] ?? '').includes('*')

/** Of these alone it can be asked (core/v1: Pod, Service, Node). */
function ofCore(...resources: readonly string[]): SampledForm {
  const parts = resources.map((one) => `core/${one}/`)
  const possible = (pattern: string) =>
    place.possible(pattern) && parts.some((one) => intersects(pattern, `${one}*`))
  return {
    ...place,
    rule: `${parts.join(', or ')} and NAMESPACE/NAME`,
    is: (name) => place.is(name) && parts.some((one) => name.startsWith(one)),
    possible,
    meant(pattern) {
      const meant = place.meant(pattern)
      return meant !== undefined && possible(meant) ? meant : undefined
    },
  }
}
const pods = ofCore('pods')

const command = formOf({
  rule: 'a command: its words with one space between them, in which a space, `*`, `%`, `"` and what is not ASCII are written as %XX, and an empty one as `""`',
  is: (text) =>
    text.length <= maxPathChars &&
    text.split(' ').every((one) => one === '""' || /^(?:[!#$&-)+-~]|%[0-9A-F]{2})+$/.test(one)),
  fillers: ['x', '', '0', '00', '%20', '""'],
})

/** Whoever has any grant may ask which resources there are, as every client does first. */
const discover = 'k8s:discover'
const reading = { path: 'required', ref: 'none', write: false, includes: [discover] } as const
const writing = { path: 'required', ref: 'none', write: true, includes: [discover] } as const
/** What brings objects, and the images that they name. */
const bringing = { ...writing, brings: 'artifact' } as const
const reads = ['k8s:get', 'k8s:list', 'k8s:watch']

export const kubernetes = {
  about:
    'A Kubernetes cluster; grants name group, resource, namespace and name: `k8s:apply prod/apps/deployments/web/*`.',
  transport: 'http',
  rawTargets: true,
  path: {
    form: place,
    noun: 'object',
    example: 'apps/deployments/web/*',
    // One that named no group would be for Secrets and for roles, too.
    writtenOut: { noun: 'group', is: namesGroup },
  },
  ref: { form: command, noun: 'command', example: 'rails db:migrate' },
  credentials: ['bearer', 'kubernetes-token', 'http-issuer', 'azure-app'],
  webSocket: 'k8s:exec',
  implies: namespaceImplied,
  actions: {
    'k8s:discover': { path: 'none', ref: 'none', write: false },
    // Kubernetes' own verbs (its reference, "Authorization Overview").
    'k8s:get': reading,
    'k8s:list': reading,
    'k8s:watch': reading,
    'k8s:create': bringing,
    'k8s:update': bringing,
    'k8s:patch': bringing,
    'k8s:delete': writing,
    'k8s:deletecollection': writing,
    // What people mean by them.
    'k8s:read': { ...reading, inGrantsOnly: true, includes: [discover, ...reads] },
    'k8s:apply': {
      ...bringing,
      inGrantsOnly: true,
      includes: [discover, 'k8s:get', 'k8s:create', 'k8s:patch'],
    },
    'k8s:write': {
      ...bringing,
      inGrantsOnly: true,
      includes: [
        ...[discover, 'k8s:read', ...reads, 'k8s:apply', 'k8s:create', 'k8s:update'],
        ...['k8s:patch', 'k8s:delete'],
      ],
    },
    // What goes on within a pod.
    'k8s:logs': { ...reading, form: pods },
    'k8s:exec': { ...writing, ref: 'optional', form: pods },
    'k8s:attach': { ...writing, form: pods },
    'k8s:port-forward': { ...writing, form: pods },
    // To a pod, a service or a node's own API: nobody sees what is asked there.
    'k8s:proxy': { ...writing, form: ofCore('pods', 'services', 'nodes') },
  },
  settingsFiles: (connections, inside) =>
    connections.length === 0
      ? []
      : [{ name: 'kubeconfig', variable: 'KUBECONFIG', text: kubeconfig(connections, inside.ca) }],
} as const satisfies Kind

const makes: ReadonlySet<string> = new Set(['k8s:create', 'k8s:apply', 'k8s:write'])
const withinNamespace = new RegExp(`^(?:secrets|${group}/${resource})/(${label})/[^/]+$`)

/** Before kubectl makes an object it looks whether the namespace is there. */
function namespaceImplied(action: string, path: string): { action: string; path: string } | undefined {
  const within = makes.has(action) ? withinNamespace.exec(path)?.[1] : undefined
  return within === undefined ? undefined : { action: 'k8s:get', path: `core/namespaces/~/${within}` }
}

/** What tools show in a step: it opens nothing. */
const standIn = 'held-by-the-gateway'

/** A context for each connection, by its name; the first is the current one. JSON is YAML, too. */
function kubeconfig(connections: readonly KnownConnection[], ca: string): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': connections[0]?.name,
      clusters: connections.map(({ name: one, url }) => ({
        name: one,
        cluster: { server: url, 'certificate-authority': ca },
      })),
      users: [{ name: 'mayfly', user: { token: standIn } }],
      contexts: connections.map(({ name: one }) => ({
        name: one,
        context: { cluster: one, user: 'mayfly' },
      })),
    },
    undefined,
    2,
  )}\n`
}
