/** Resources of Kubernetes' own groups that people name in grants (its reference, "API resources"). */
const resources: Readonly<Record<string, readonly string[]>> = {
  core: [
    ...['pods', 'services', 'configmaps', 'namespaces', 'nodes', 'serviceaccounts', 'events', 'limitranges'],
    ...['persistentvolumeclaims', 'persistentvolumes', 'replicationcontrollers', 'resourcequotas'],
  ],
  apps: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
  batch: ['jobs', 'cronjobs'],
  autoscaling: ['horizontalpodautoscalers'],
  policy: ['poddisruptionbudgets'],
  'networking.k8s.io': ['ingresses', 'ingressclasses', 'networkpolicies'],
  'rbac.authorization.k8s.io': ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
  'storage.k8s.io': ['storageclasses'],
}

const groupOf = new Map(
  Object.entries(resources).flatMap(([group, names]) => names.map((name) => [name, group] as const)),
)
const pluralOf = new Map([...groupOf.keys(), 'secrets'].map((name) => [singular(name), name]))

function singular(plural: string): string {
  return plural.replace(/(?:(?<=ss)es|(?<=polic)ies|s)$/, (end) => (end === 'ies' ? 'y' : ''))
}

const version = /^v\d+(?:(?:alpha|beta)\d+)?$/

/** Why a grant that is spelled so would be for nothing: a version, one of a resource, a resource in the place of its group. */
export function isMisnamed(group: string, resource: string): boolean {
  const isOwn = Object.hasOwn(resources, group)
  return (
    version.test(resource) || groupOf.has(group) || pluralOf.has(group) || (isOwn && pluralOf.has(resource))
  )
}

/** `apps/v1/deployments/...`, `pods/...`, `core/configmap/...`, `apps/Deployment/...` as grants have it. */
export function asGrantsHave(pattern: string): string {
  let parts = pattern.replace(/^v1\//, 'core/').split('/')
  if (version.test(parts[1] ?? '')) parts = parts.toSpliced(1, 1)
  const named = (text = '') => {
    const low = text.toLowerCase()
    return pluralOf.get(low) ?? (groupOf.has(low) ? low : undefined)
  }
  const first = named(parts[0])
  if (first !== undefined && first !== 'secrets') parts = [groupOf.get(first) ?? '', first, ...parts.slice(1)]
  const second = named(parts[1])
  if (second !== undefined) parts = [parts[0] ?? '', second, ...parts.slice(2)]
  return parts.join('/').replace(/^(?:core\/secrets?|secret)\//, 'secrets/')
}
