import { MayflyError, connectionProblem, limits } from '../../lib/index.ts'
import {
  bundlesBeside,
  digestOf,
  manifestTypes,
  nextQuery,
  platformsOf,
  type ReadPart,
} from '../../images/index.ts'
import { readEnvironment } from '../../config/environment.ts'
import { isForCredentials } from '../../config/index.ts'
import type { ImageName } from './image-name.ts'
import { collected } from './collected.ts'
import { isBusy } from './patience.ts'
import { isOf, openSession, RegistryAway, type RegistrySession } from './registry-session.ts'
import type { Bundles } from './target.ts'

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
  const session = openSession(image)
  const read = reader(image, session)

  return {
    async digest() {
      const part = await read(`manifests/${ref}`, manifestTypes.join(', '), limits.manifestBytes)
      if (part === undefined)
        throw new MayflyError(
          'not_found',
          `${host} has no ${repository}:${ref}, or does not show it${also(session.problems())}`,
        )
      const digest = digestOf(part.bytes, ref)
      if (ref.includes(':') && digest !== ref)
        throw new MayflyError('denied', `${host} sent another image than its digest names: ${digest}`)
      return digest
    },
    async bundles(digest) {
      const { bundles, isCut, unread } = await bundlesBeside(read, digest)
      return {
        found: bundles.map((text) => ({ text, from: `beside it at ${host}` })),
        isCut,
        ...(unread instanceof RegistryAway ? { unread } : {}),
      }
    },
    platforms: (digest) => platformsOf(read, digest),
  }
}

/** Reads what stands below the repository; undefined for what the registry does not have. */
function reader(image: ImageName, session: RegistrySession): ReadPart {
  const { host } = image
  return (path, accept, maxBytes) =>
    asked(image, session, path, accept, async (answer, url) => {
      const bytes = await collected(answer, maxBytes)
      if (bytes === undefined)
        throw new MayflyError('limit_exceeded', `${host} has ${path} longer than ${maxBytes} bytes`)
      const [type, link] = ['content-type', 'link'].map((name) => answer.headers.get(name) ?? '')
      return { bytes, type: type ?? '', next: nextQuery(link, url) }
    })
}

/** All parts of one image: short ones as they are, long ones as they come. */
export interface ImageParts {
  readonly read: ReadPart
  /** Resolves when `take` has; false for what the registry does not have. */
  stream(path: string, take: (chunks: AsyncIterable<Uint8Array>) => Promise<void>): Promise<boolean>
}

/** A layer of gigabytes takes its time. */
const longMs = 3_600_000

export function openParts(image: ImageName): ImageParts {
  const session = openSession(image)
  return {
    read: reader(image, session),
    async stream(path, take) {
      const took = async ({ body }: Response) => {
        if (body !== null) await take(body)
        return true
      }
      return (await asked(image, session, path, '*/*', took, longMs)) ?? false
    },
  }
}

async function asked<T>(
  image: ImageName,
  session: RegistrySession,
  path: string,
  accept: string,
  use: (answer: Response, url: URL) => Promise<T>,
  maxMs?: number,
): Promise<T | undefined> {
  const { host, repository } = image
  const url = new URL(`${schemeOf(host)}://${host}/v2/${repository}/${path}`)
  try {
    const answer = await session.ask(url, accept, maxMs)
    if (answer.ok) return await use(answer, url)
    await answer.body?.cancel().catch(() => undefined)
    if (answer.status === 404 || answer.status === 405) return undefined
    throw refused(image, answer, url, session.problems())
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new RegistryAway(
      'upstream_unreachable',
      `${host} cannot be asked (${connectionProblem(cause)})${proxyHint()}`,
      { cause },
    )
  }
}

function refused({ host, repository }: ImageName, answer: Response, url: URL, problems: readonly string[]) {
  const { status } = answer
  const by = isOf(answer, url) ? host : `${new URL(answer.url).host}, where ${host} sends on to,`
  const said = `${by} answered ${status} for ${repository}`
  const again = isBusy(status) ? ', and still did when it was asked again: try again later' : ''
  if (status === 429 || (status >= 500 && status !== 501))
    return new RegistryAway('upstream_unreachable', `${said}${again}`)
  const isLogin = (status === 401 || status === 403) && isOf(answer, url)
  const hint = isLogin ? `: log in there (docker login)${also(problems)}` : ''
  return new MayflyError('upstream_unreachable', `${said}${hint}`)
}

function also(problems: readonly string[]): string {
  return problems.map((one) => `; ${one}`).join('')
}

/** Node's own clients use a proxy only if they are told to. */
function proxyHint(): string {
  const { variables } = readEnvironment()
  const isSet = ['HTTPS_PROXY', 'https_proxy'].some((name) => (variables[name] ?? '') !== '')
  return isSet && variables['NODE_USE_ENV_PROXY'] !== '1'
    ? ': HTTPS_PROXY is used only with NODE_USE_ENV_PROXY=1 beside it'
    : ''
}

/** Registries of this machine speak plain HTTP, as container tools have it. */
function schemeOf(host: string): 'http' | 'https' {
  return isForCredentials(`http://${host}`) ? 'http' : 'https'
}
