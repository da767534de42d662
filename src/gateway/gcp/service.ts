import { isGoogleHost } from '../../kinds/index.ts'

/** Which service a host and path are of. */
export interface Place {
  readonly service: string
  /** The bucket in front of its name. */
  readonly bucket?: string
}

const location = '(?:(?:[a-z]+-[a-z]+[0-9]+|us|eu|europe|asia|global)-)?'
const regional = '(?:\\.[a-z0-9-]+\\.rep)?'
const ofStorage = new RegExp(`^(?:(?<bucket>.+)\\.)?storage${regional}\\.googleapis\\.com$`)
const others = new RegExp(`^${location}(?<service>[a-z][a-z0-9]{0,62})${regional}\\.googleapis\\.com$`)

/** Of `www.googleapis.com`, which has several. */
const ofPath =
  /^\/(?:(?:resumable\/)?upload\/|download\/)?(?<service>storage|compute|bigquery|dns|deploymentmanager)\//

/** Undefined for a host that no service is known by. A host that is not Google's is one of Cloud Storage. */
export function placeOf(host: string, path: string): Place | undefined {
  if (!isGoogleHost(host)) return { service: 'storage' }
  if (host === 'www.googleapis.com') {
    const service = ofPath.exec(path)?.groups?.['service']
    return service === undefined ? undefined : { service }
  }
  const storage = ofStorage.exec(host)
  if (storage !== null) {
    const bucket = storage.groups?.['bucket']
    return { service: 'storage', ...(bucket === undefined ? {} : { bucket }) }
  }
  const service = others.exec(host)?.groups?.['service']
  return service === undefined ? undefined : { service }
}
