/** What a grant of objects says, as far as a boundary can. */
interface Granted {
  readonly verb: string
  readonly bucket: string
  /** What the names of its objects begin with. */
  readonly prefix: string
}

/** Google takes no more rules in one boundary. */
const maxRules = 10

/** Roles that bring what the verb needs and least beside; conditions narrow them to the objects. */
const roles: Readonly<Record<string, string>> = {
  get: 'roles/storage.legacyObjectReader',
  list: 'roles/storage.legacyBucketReader',
  create: 'roles/storage.objectCreator',
  update: 'roles/storage.objectUser',
  delete: 'roles/storage.objectUser',
}

export interface AccessBoundary {
  readonly accessBoundary: { readonly accessBoundaryRules: readonly object[] }
}

/**
 * A Credential Access Boundary (IAM, "Create short-lived, downscoped credentials") that allows no less than the grants; undefined
 * where it could: another service than Cloud Storage, a bucket that is no name, more than ten buckets and verbs.
 */
export function accessBoundary(grants: readonly string[]): AccessBoundary | undefined {
  const all = grants.map(grantedBy)
  if (all.length === 0 || all.includes(undefined)) return undefined
  const rules = new Map<string, Granted[]>()
  for (const one of all)
    if (one !== undefined) {
      const key = `${one.bucket} ${roles[one.verb]}`
      rules.set(key, [...(rules.get(key) ?? []), one])
    }
  if (rules.size > maxRules) return undefined
  return { accessBoundary: { accessBoundaryRules: [...rules.values()].map(ruleOf) } }
}

function grantedBy(grant: string): Granted | undefined {
  const {
    verb = '',
    bucket = '',
    object = '*',
  } = /^gcp:(?:call|read) [^\s/]+\/storage\.objects\.(?<verb>[a-z]+)\/(?<bucket>[a-z0-9._-]+)(?:\/(?<object>.*))?$/.exec(
    grant,
  )?.groups ?? {}
  if (!Object.hasOwn(roles, verb)) return undefined
  // Up to what a condition's text could not hold as it is.
  const [prefix = ''] = object.split(/[*'"\\%]/)
  return { verb, bucket, prefix }
}

function ruleOf(granted: readonly Granted[]): object {
  const [first] = granted
  const { verb, bucket } = first ?? { verb: '', bucket: '' }
  const prefixes = [...new Set(granted.map(({ prefix }) => prefix))]
  const isWhole = verb === 'list' || prefixes.includes('')
  return {
    availableResource: `//storage.googleapis.com/projects/_/buckets/${bucket}`,
    availablePermissions: [`inRole:${roles[verb]}`],
    ...(isWhole
      ? {}
      : {
          availabilityCondition: {
            expression: prefixes
              .map((prefix) => `resource.name.startsWith('projects/_/buckets/${bucket}/objects/${prefix}')`)
              .join(' || '),
          },
        }),
  }
}
