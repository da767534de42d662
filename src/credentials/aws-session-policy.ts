import { awsDomain } from '../kinds/index.ts'

/** STS takes no more characters, and packs tags and policy together. */
const maxChars = 2_048

/** Services whose operations do other services' work with the caller's own rights: a policy for these alone would stop them. */
const actsForCaller: ReadonlySet<string> = new Set(['cloudformation', 'cloudcontrolapi', 'servicecatalog'])

/** Services whose resources have a name in ARNs that a grant's name can be put into. */
const arns: Readonly<Record<string, (resource: string) => readonly string[]>> = {
  s3: (resource) => [`s3:::${resource}`],
  // With the versions and aliases of a function, and the indexes of a table.
  lambda: (name) => [`lambda:PLACE:function:${name}`, `lambda:PLACE:function:${name}:*`],
  dynamodb: (name) => [`dynamodb:PLACE:table/${name}`, `dynamodb:PLACE:table/${name}/*`],
  ecr: (name) => [`ecr:PLACE:repository/${name}`],
  ssm: (name) => [`ssm:PLACE:parameter/${name}`],
  sns: (name) => [`sns:PLACE:${name}`],
  sqs: (name) => [`sqs:PLACE:${name}`],
}

const grantForm =
  /^aws:(?<word>[a-z]+) [^\s/@]+\/(?<service>[a-z0-9-]+):(?<action>[^\s/]+)(?:\/(?<ref>\S+))?$/

/**
 * The grants on a connection as an inline session policy; undefined where they cannot be said in IAM's words, or not in so few.
 * Narrower than the grants it never is: what has no ARN is allowed for every resource, and the gateway alone decides.
 */
export function sessionPolicy(
  grants: readonly string[],
  { account, regions }: { readonly account: string; readonly regions: readonly string[] },
): string | undefined {
  const place = `${regions.length === 1 ? regions[0] : '*'}:${account}`
  const byResource = new Map<string, Set<string>>()
  // The credential itself is for what the other grants name.
  for (const grant of grants.filter((one) => !one.startsWith('aws:credential '))) {
    const { word, service = '', action = '', ref } = grantForm.exec(grant)?.groups ?? {}
    if (service === '' || (actsForCaller.has(service) && word !== 'read')) return undefined
    const resources = resourcesOf(service, action, ref, place)
    const key = JSON.stringify(resources)
    const actions = byResource.get(key) ?? new Set()
    actions.add(`${service}:${action}`)
    byResource.set(key, actions)
  }
  if (byResource.size === 0) return undefined
  const partition = partitionOf(regions[0] ?? '')
  const statements = [...byResource].map(([resource, actions]) =>
    allow(
      [...actions],
      (JSON.parse(resource) as string[]).map((one) => (one === '*' ? one : `arn:${partition}:${one}`)),
    ),
  )
  if (grants.some((grant) => / [^/]+\/s3:/.test(grant))) statements.push(byS3(regions))
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  return text.length <= maxChars && /^[\u0020-\u00ff]+$/.test(text) ? text : undefined
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  if (region.startsWith('us-gov-')) return 'aws-us-gov'
  return region.startsWith('eusc-') ? 'aws-eusc' : 'aws'
}

function allow(actions: readonly string[], resources: readonly string[]) {
  return { Effect: 'Allow', Action: actions, Resource: resources }
}

/** What S3 asks the key service in the caller's name, where objects are encrypted by a key of it. */
function byS3(regions: readonly string[]) {
  return {
    ...allow(['kms:Decrypt', 'kms:GenerateDataKey*'], ['*']),
    Condition: {
      StringEquals: { 'kms:ViaService': regions.map((region) => `s3.${region}.${awsDomain(region)}`) },
    },
  }
}

function resourcesOf(service: string, action: string, ref: string | undefined, place: string): string[] {
  const arn = arns[service]
  // IAM has no resource for lists of all there is, and reads escapes and `?` in its own way.
  const isPlain = ref !== undefined && ref !== '~' && !ref.startsWith('arn:') && !/[%?$]/.test(ref)
  const isOfAll = /^(?:\*$|List(?!Bucket)|Get(?:AuthorizationToken|ParametersByPath))/.test(action)
  if (arn === undefined || !isPlain || isOfAll || (service === 'lambda' && ref.includes('/'))) return ['*']
  return arn(ref).map((one) => one.replace('PLACE', place))
}
