import { canBeReading, isAwsReading } from './aws-reading.ts'
import { shortArn } from './aws-names.ts'
import { formOf, type SampledForm } from '../lib/index.ts'
import type { Kind, KindSettings, KnownConnection, SettingsFile } from './kind.ts'

/** S3's keys have 1,024 bytes, and a byte that is escaped takes three characters. */
const maxResourceChars = 3_200

const call = formOf({
  rule: 'SERVICE:ACTION as IAM spells them (s3:PutObject)',
  is: (name) => /^[a-z][a-z0-9-]{0,62}:[A-Z][A-Za-z0-9]{0,99}$/.test(name),
  fillers: ['x', '', 'X', 'x:X', 'x:', ':X'],
  mend: (pattern) =>
    pattern.replace(
      /^([^:]*)(?::(.?))?/s,
      (_whole, service: string, first?: string) =>
        `${service.toLowerCase()}${first === undefined ? '' : `:${first.toUpperCase()}`}`,
    ),
})
const namesService = (pattern: string) => !(pattern.split(':')[0] ?? '').includes('*')

/** A limit may be for all services. */
const ofReading = (pattern: string) => canBeReading(pattern.split(':')[1] ?? '*')

/** A grant to read what only writes would never match. */
const callThatReads: SampledForm = {
  ...call,
  rule: 'SERVICE:ACTION of an action that changes nothing and reveals no secret (write aws:call for others)',
  is: (name) => call.is(name) && isAwsReading(name.split(':')[1] ?? ''),
  witness: (pattern) => (ofReading(pattern) ? call.witness(pattern) : undefined),
  possible: (pattern) => ofReading(pattern) && call.possible(pattern),
  meant: (pattern) => {
    const mended = call.meant(pattern)
    return mended !== undefined && ofReading(mended) ? mended : undefined
  },
}

const resource = formOf({
  rule: 'the resource as its service names it (`bucket/key`, `cluster/service`), other characters as %XX, or `~` where there is none',
  is: (name) =>
    name.length <= maxResourceChars && /^(?:[A-Za-z0-9._~!$&'()+,=:@/-]|%[0-9A-F]{2})+$/.test(name),
  fillers: ['x', ''],
  mend: (pattern) => pattern.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:@/*%-]/g, (one) => encodeURIComponent(one)),
})

export const aws = {
  about:
    'An AWS account, or a store that speaks S3: grants name service, action and resource in IAM’s words: `aws:call prod/s3:PutObject/releases/*`.',
  transport: 'http',
  url: 'https://sts.amazonaws.com',
  basePath: '',
  byStandIn: true,
  rawTargets: true,
  serves,
  doors: doorsOf,
  path: {
    form: call,
    noun: 'action',
    example: 's3:GetObject',
    // One that named no service would be for IAM, too.
    writtenOut: { noun: 'service', is: namesService },
  },
  ref: { form: resource, noun: 'resource', example: 'bucket/folder/*' },
  refMark: '/',
  refAt: ({ account = '', regions = [] }, ref) => shortArn(ref, { account, regions }) ?? ref,
  settings: ['account', 'regions'],
  needs: ['account', 'regions'],
  tells: ['regions'],
  credentials: ['basic', 'aws-role'],
  actions: {
    // What changes nothing, and hands out no secret.
    'aws:read': { path: 'required', ref: 'optional', write: false, form: callThatReads },
    'aws:call': { path: 'required', ref: 'optional', write: true, includes: ['aws:read'] },
  },
  variables: (connections): Readonly<Record<string, string>> =>
    connections.length === 0 ? {} : { AWS_EC2_METADATA_DISABLED: 'true', AWS_SDK_LOAD_CONFIG: '1' },
  settingsFiles: (connections) => (connections.length === 0 ? [] : profilesOf(connections)),
} as const satisfies Kind

/** Services that are at one place for all regions, with the region that requests to them are signed for. */
export const globalServices = [
  ...['sts', 'iam', 's3', 'cloudfront', 'route53', 'organizations', 'globalaccelerator', 'budgets'],
  ...['ce', 'health', 'support', 'shield', 'waf', 'importexport', 'account', 'savingsplans'],
] as const

/** The domain of a region's partition. */
export function awsDomain(region: string): string {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn'
  if (region.startsWith('eusc-')) return 'amazonaws.eu'
  return 'amazonaws.com'
}

/** Services with hosts of old, which the AWS CLI (version 1) asks to this day: the region stands in front, of us-east-1 it is left out. */
const oldNames: Readonly<Record<string, string>> = {
  queue: 'sqs',
  elasticmapreduce: 'elasticmapreduce',
  rds: 'rds',
}

/** The service and region of such a host, named without its domain. */
export function oldHost(name: string): { readonly service: string; readonly region: string } | undefined {
  const [last = '', region = 'us-east-1', ...more] = name.split('.').toReversed()
  const service = Object.hasOwn(oldNames, last) && more.length === 0 ? oldNames[last] : undefined
  return service === undefined ? undefined : { service, region }
}

function oldHostsOf(region: string): string[] {
  const names = Object.keys(oldNames).map((name) => `${name}.${awsDomain(region)}`)
  return [...names.map((name) => `${region}.${name}`), ...(region === 'us-east-1' ? names : [])]
}

/** The hosts of its regions, and those that are for all; of another endpoint the buckets in front of its name. */
function serves({ regions = [] }: KindSettings, url: string): readonly string[] {
  const { hostname } = new URL(url)
  if (!isAwsHost(hostname)) return [`*.${hostname}`]
  const domains = [...new Set(regions.map(awsDomain))]
  return [
    ...regions.flatMap((region) => [
      ...[`*.${region}.${awsDomain(region)}`, `*.${region}.api.aws`],
      `*s3-${region}.${awsDomain(region)}`,
      ...oldHostsOf(region),
    ]),
    ...domains.flatMap((domain) => [
      ...globalServices.map((service) => `${service}.${domain}`),
      ...[`*.s3.${domain}`, `*.s3-accelerate.${domain}`, `*.s3-accelerate.dualstack.${domain}`],
    ]),
  ]
}

const grantForm =
  /^aws:[a-z]+ (?<connection>[^\s/]+)\/(?<service>[a-z0-9-]+):[^\s/]+(?:\/(?<bucket>[a-z0-9-]+)(?=\/|$))?/

/** Services whose hosts have another name. */
const hostNames: Readonly<Record<string, string>> = { ecr: 'api.ecr', ses: 'email' }

/** The hosts of the services that the grants name, and of buckets that are written out. */
function doorsOf({ name, url, settings }: KnownConnection, grants: readonly string[]): string[] {
  const { hostname } = new URL(url)
  const hosts = grants.flatMap((grant) => {
    const { connection, service = '', bucket } = grantForm.exec(grant)?.groups ?? {}
    if (connection !== name) return []
    const label =
      service === 's3' && bucket !== undefined ? [`${bucket}.s3`, 's3'] : [hostNames[service] ?? service]
    if (!isAwsHost(hostname)) return service === 's3' && bucket !== undefined ? [`${bucket}.${hostname}`] : []
    const regions = settings?.regions ?? []
    const isGlobal = globalServices.some((one) => one === service)
    return label.flatMap((one) => [
      ...regions.map((region) => `${one}.${region}.${awsDomain(region)}`),
      ...(isGlobal ? [`${one}.${awsDomain(regions[0] ?? '')}`] : []),
    ])
  })
  return [...new Set(hosts)]
}

export function isAwsHost(host: string): boolean {
  return /\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)$/.test(host)
}

/** What tools sign with in a step: it opens nothing, and says which connection is meant. */
export function awsStandIn(connection: string): { readonly id: string; readonly secret: string } {
  return { id: `MAYFLY_${connection.replaceAll('-', '_')}`, secret: 'held-by-the-gateway' }
}

/** A profile for each, by its name; the first one is what tools take that are told none. */
function profilesOf(connections: readonly KnownConnection[]): SettingsFile[] {
  const [first] = connections
  const named = connections.map((one) => ({ one, name: one.name }))
  const isThere = connections.some(({ name }) => name === 'default')
  const all = first === undefined || isThere ? named : [{ one: first, name: 'default' }, ...named]
  const section = (name: string, lines: readonly string[]) => `[${name}]\n${lines.join('\n')}\n`
  return [
    {
      name: 'aws-config',
      variable: 'AWS_CONFIG_FILE',
      text: all
        .map(({ one, name }) => section(name === 'default' ? name : `profile ${name}`, configOf(one)))
        .join('\n'),
    },
    {
      name: 'aws-credentials',
      variable: 'AWS_SHARED_CREDENTIALS_FILE',
      text: all
        .map(({ one, name }) => {
          const { id, secret } = awsStandIn(one.name)
          return section(name, [`aws_access_key_id = ${id}`, `aws_secret_access_key = ${secret}`])
        })
        .join('\n'),
    },
  ]
}

function configOf({ url, settings }: KnownConnection): string[] {
  const [region = 'us-east-1'] = settings?.regions ?? []
  const place = new URL(url)
  const isAws = isAwsHost(place.hostname)
  return [
    `region = ${region}`,
    // What is compressed cannot be named.
    'disable_request_compression = true',
    ...(isAws ? [] : [`endpoint_url = ${place.origin}`]),
    's3 =',
    '  signature_version = s3v4',
    ...(isAws ? [] : ['  addressing_style = path']),
  ]
}
