import { globalServices, isAwsHost, oldHost } from '../../kinds/index.ts'
import type { Scope } from './sigv4.ts'

/** Which service a host is of, as far as its name says. */
export interface Endpoint {
  /** As operations name it: the service that its requests are signed for. */
  readonly service: string
  /** The service's main host, whose operations have names; of another one they go by method, the host and path. */
  readonly isMain: boolean
  /** Of another one its name, without domain and region: `API.execute-api`, `NAME.s3-accesspoint`. */
  readonly place?: string
  /** The bucket in front of its name. */
  readonly bucket?: string
}

const region = '[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}'
const ofS3 = new RegExp(`^(?:(?<bucket>.+)\\.)?s3(?:-fips)?(?:\\.dualstack)?(?:[.-](?<region>${region}))?$`)
const accelerated = /^(?<bucket>.+)\.s3-accelerate(?:\.dualstack)?$/
const others = new RegExp(`^(?<labels>.+?)(?:\\.(?<region>${region}))?$`)

/**
 * The endpoint of a host, where the scope of the request's signature agrees with it; else why not. A host that is not AWS's says
 * nothing: then the scope alone does (`own` is the connection's host).
 */
export function endpointOf(
  host: string,
  { service, region: signedFor }: Scope,
  { own, regions }: { readonly own: string; readonly regions: readonly string[] },
): Endpoint | string {
  if (service === 's3express')
    return 'S3 Express is not passed: it is asked with sessions, which would be credentials in the step'
  const isGlobal = isOfAll(service, signedFor)
  if (!regions.includes(signedFor) && !isGlobal)
    return `it is signed for region ${signedFor}, which the connection does not have: regions: [${regions.join(', ')}]`
  if (!isAwsHost(own)) {
    const isBucket = service === 's3' && host.endsWith(`.${own}`)
    if (host !== own && !isBucket) return `${host} is no host of ${service}`
    return { service, isMain: true, ...(isBucket ? { bucket: host.slice(0, -own.length - 1) } : {}) }
  }
  const rest = host.replace(/\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/, '')
  const old = oldHost(rest)
  if (old !== undefined && (old.service !== service || old.region !== signedFor))
    return `it goes to ${old.service} of ${old.region}, and is signed for ${service} of ${signedFor}`
  if (old !== undefined) return { service, isMain: true }
  const s3 = ofS3.exec(rest)?.groups ?? accelerated.exec(rest)?.groups
  const { labels = '', region: ofHost } = others.exec(rest)?.groups ?? {}
  const named = s3 === undefined ? ofHost : s3['region']
  if (named !== undefined && named !== signedFor) return `it goes to ${named}, and is signed for ${signedFor}`
  if (s3 !== undefined) {
    const { bucket } = s3
    if (service !== 's3') return `it goes to S3, and is signed for ${service}`
    return { service, isMain: true, ...(bucket === undefined ? {} : { bucket }) }
  }
  if (labels.endsWith('.dkr.ecr'))
    return 'it is a registry of images: name it in a connection of kind oci, and docker and its like find it there'
  const parts = labels.split('.').map((label) => label.replaceAll(/^fips-|-fips$/g, ''))
  if (!isHostOf(parts, service)) return `it goes to ${labels}, and is signed for ${service}`
  if (named === undefined && !isGlobal && !regions.includes(signedFor))
    return `${host} is no host of ${signedFor}`
  const isMain =
    parts.at(-1) === service && (parts.length === 1 || (parts.length === 2 && parts[0] === 'api'))
  return { service, isMain, ...(isMain ? {} : { place: labels }) }
}

/** Hosts whose name has nothing of the service that their requests are signed for. */
const otherNames: Readonly<Record<string, string>> = { email: 'ses', 'email-smtp': 'ses' }

function isHostOf(labels: readonly string[], service: string): boolean {
  return labels.some(
    (label) =>
      label === service ||
      label.startsWith(`${service}-`) ||
      label.endsWith(`-${service}`) ||
      otherNames[label] === service,
  )
}

/** Requests to services that have one place are signed for one region. */
function isOfAll(service: string, signedFor: string): boolean {
  return (
    ['us-east-1', 'us-west-2', 'cn-northwest-1', 'us-gov-west-1'].includes(signedFor) &&
    service !== 's3' &&
    globalServices.some((one) => one === service)
  )
}
