import { createHash } from 'node:crypto'
import { MayflyError, connectionProblem } from '../../lib/index.ts'
import type { ImageName } from './image-name.ts'
import { registryLogin } from './registry-login.ts'
import type { Found } from './target.ts'

const maxManifestBytes = 4_194_304
const maxBundleBytes = 8_388_608
const maxBundles = 200
const silenceMs = 30_000
const indexType = 'application/vnd.oci.image.index.v1+json'
const manifestTypes = [
  indexType,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** One image in its registry, asked with what this machine is logged in with. */
export interface Registry {
  /** The digest that it has now, held against what was sent. Throws `upstream_unreachable`, `not_found`. */
  digest(): Promise<string>
  /**
   * Bundles that stand beside it: its referrers, or where the registry knows none the tag for them. Each is held against its digest;
   * whoever may push to the repository may put any there, so what cannot be read is passed over.
   */
  bundles(digest: string): Promise<Found[]>
}

type Read = (path: string, accept: string, maxBytes: number) => Promise<Buffer | undefined>

export function openRegistry(image: ImageName): Registry {
  const { host, repository, ref } = image
  const read = reader(image)

  async function held(path: string, digest: string, maxBytes: number): Promise<Buffer | undefined> {
    const accept = path.startsWith('blobs/') ? '*/*' : manifestTypes
    const bytes = await read(`${path}${digest}`, accept, maxBytes)
    return bytes !== undefined && digestOf(bytes, digest) === digest ? bytes : undefined
  }

  return {
    async digest() {
      const bytes = await read(`manifests/${ref}`, manifestTypes, maxManifestBytes)
      if (bytes === undefined)
        throw new MayflyError('not_found', `${host} has no ${repository}:${ref}, or does not show it`)
      const digest = digestOf(bytes, ref)
      if (ref.includes(':') && digest !== ref)
        throw new MayflyError('denied', `${host} sent another image than its digest names: ${digest}`)
      return digest
    },
    async bundles(digest) {
      let failure: unknown
      const referrers = await read(`referrers/${digest}`, indexType, maxManifestBytes).catch(
        (error: unknown) => void (failure = error),
      )
      // Registries answer what they like for referrers that they do not know: 400, 406, a web page, an empty list.
      const listed = descriptorsIn(referrers ?? undefined, 'manifests').some(mayHold)
        ? (referrers ?? undefined)
        : await read(`manifests/${digest.replace(':', '-')}`, indexType, maxManifestBytes)
      if (listed === undefined && failure !== undefined) throw failure
      const bundles: Found[] = []
      for (const one of descriptorsIn(listed, 'manifests').filter(mayHold).slice(0, maxBundles)) {
        const manifest = await held('manifests/', one.digest, maxManifestBytes)
        const [layer, ...more] = descriptorsIn(manifest, 'layers')
        if (layer === undefined || more.length > 0 || !isBundleType(layer.mediaType)) continue
        const bundle = await held('blobs/', layer.digest, maxBundleBytes)
        if (bundle !== undefined)
          bundles.push({ text: bundle.toString('utf8'), from: `beside it at ${host}` })
      }
      return bundles
    },
  }
}

interface Descriptor {
  readonly digest: string
  readonly mediaType?: unknown
  readonly artifactType?: unknown
}

function mayHold({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || isBundleType(artifactType)
}

function isBundleType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('application/vnd.dev.sigstore.bundle')
}

function descriptorsIn(bytes: Buffer | undefined, key: 'manifests' | 'layers'): Descriptor[] {
  try {
    const listed = (JSON.parse(bytes?.toString('utf8') ?? '{}') as Record<string, unknown>)[key]
    return (Array.isArray(listed) ? listed : []).filter(isDescriptor)
  } catch {
    return []
  }
}

function isDescriptor(value: unknown): value is Descriptor {
  const digest: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'digest') : undefined
  return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)
}

function digestOf(bytes: Buffer, like: string): string {
  const algorithm = like.startsWith('sha512:') ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/** Reads what stands below the repository; undefined for what the registry does not have. */
function reader(image: ImageName): Read {
  const { host, repository } = image
  let login: string | undefined

  const ask = (url: URL, accept: string) =>
    fetch(url, {
      headers: { accept, ...(login === undefined ? {} : { authorization: login }) },
      signal: AbortSignal.timeout(silenceMs),
    })

  async function asked(url: URL, accept: string): Promise<Response> {
    const first = await ask(url, accept)
    if (first.status !== 401 || login !== undefined) return first
    await first.body?.cancel()
    login = await registryLogin(image, first.headers.get('www-authenticate') ?? '')
    return login === undefined ? first : ask(url, accept)
  }

  return async (path, accept, maxBytes) => {
    const url = new URL(`${schemeOf(host)}://${host}/v2/${repository}/${path}`)
    try {
      const answer = await asked(url, accept)
      if (answer.ok) return await collected(answer, maxBytes)
      await answer.body?.cancel().catch(() => undefined)
      if (answer.status === 404 || answer.status === 405) return undefined
      const hint = answer.status === 401 || answer.status === 403 ? ': log in there (docker login)' : ''
      throw new MayflyError(
        'upstream_unreachable',
        `${host} answered ${answer.status} for ${repository}${hint}`,
      )
    } catch (cause) {
      if (cause instanceof MayflyError) throw cause
      throw new MayflyError('upstream_unreachable', `${host} cannot be asked (${connectionProblem(cause)})`, {
        cause,
      })
    }
  }
}

/** Registries of this machine speak plain HTTP, as container tools have it. */
function schemeOf(host: string): 'http' | 'https' {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host) ? 'http' : 'https'
}

async function collected(answer: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new MayflyError('upstream_unreachable', `the registry sends more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
