import { MayflyError, connectionProblem, limits } from '../../lib/index.ts'
import {
  bundlesBeside,
  digestOf,
  manifestTypes,
  nextQuery,
  platformsOf,
  type ReadPart,
} from '../../images/index.ts'
import type { ImageName } from './image-name.ts'
import { collected } from './collected.ts'
import { registryLogin } from './registry-login.ts'
import type { Bundles } from './target.ts'

const silenceMs = 30_000

/** One image in its registry, asked with what this machine is logged in with. */
export interface Registry {
  /** The digest that it has now, held against what was sent. Throws `upstream_unreachable`, `not_found`. */
  digest(): Promise<string>
  /** Bundles that stand beside a manifest, and whether there are more than were read. */
  bundles(digest: string): Promise<Bundles>
  /** The manifests of an index, each of which somebody may come to run; none if it is an image itself. */
  platforms(digest: string): Promise<readonly string[]>
}

export function openRegistry(image: ImageName): Registry {
  const { host, repository, ref } = image
  const read = reader(image)

  return {
    async digest() {
      const part = await read(`manifests/${ref}`, manifestTypes.join(', '), limits.manifestBytes)
      if (part === undefined)
        throw new MayflyError('not_found', `${host} has no ${repository}:${ref}, or does not show it`)
      const digest = digestOf(part.bytes, ref)
      if (ref.includes(':') && digest !== ref)
        throw new MayflyError('denied', `${host} sent another image than its digest names: ${digest}`)
      return digest
    },
    async bundles(digest) {
      const { bundles, isCut } = await bundlesBeside(read, digest)
      return { found: bundles.map((text) => ({ text, from: `beside it at ${host}` })), isCut }
    },
    platforms: (digest) => platformsOf(read, digest),
  }
}

/** Reads what stands below the repository; undefined for what the registry does not have. */
function reader(image: ImageName): ReadPart {
  const { host, repository } = image
  let login: string | undefined

  // Where the registry sends on to another host, fetch takes the login out (Fetch Standard, HTTP-redirect fetch).
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
      if (answer.ok) {
        const bytes = await collected(answer, maxBytes)
        const [type, link] = ['content-type', 'link'].map((name) => answer.headers.get(name) ?? '')
        return bytes && { bytes, type: type ?? '', next: nextQuery(link, url) }
      }
      await answer.body?.cancel().catch(() => undefined)
      if (answer.status === 404 || answer.status === 405) return undefined
      throw refused(image, answer.status)
    } catch (cause) {
      if (cause instanceof MayflyError) throw cause
      throw new MayflyError('upstream_unreachable', `${host} cannot be asked (${connectionProblem(cause)})`, {
        cause,
      })
    }
  }
}

function refused({ host, repository }: ImageName, status: number): MayflyError {
  const hint = status === 401 || status === 403 ? ': log in there (docker login)' : ''
  return new MayflyError('upstream_unreachable', `${host} answered ${status} for ${repository}${hint}`)
}

/** Registries of this machine speak plain HTTP, as container tools have it. */
function schemeOf(host: string): 'http' | 'https' {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host) ? 'http' : 'https'
}
