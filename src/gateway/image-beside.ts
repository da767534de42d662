import { MayflyError, type Clock } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'
import type { Connection, Targets } from '../connections/index.ts'
import type { Beside } from './attested.ts'
import { UpstreamBusy } from './busy.ts'
import type { Gatekeeper } from './permit.ts'
import { bundlesBeside, platformsOf } from '../images/index.ts'
import { openOwnRegistry, readerOf } from './oci/index.ts'
import { openOwnAccess } from './own-access.ts'
import type { Upstream } from './upstream/index.ts'

const askedMs = 15_000

export function createImageBeside(deps: {
  readonly targets: () => Targets
  readonly gatekeeper: () => Pick<Gatekeeper, 'would' | 'permit'>
  readonly upstreamOf: (step: Step) => Upstream
  readonly clock: Clock
}): Beside {
  return async (step, { image, digest, manifest }) => {
    const place = placeOf(image)
    const connection = place && deps.targets().connections.find((one) => isAt(one, place))
    if (place === undefined || connection === undefined)
      return {
        why: `no connection is for the registry of ${image.slice(0, 200)}, where attestations may stand beside it`,
      }
    const path = place.repository
    const operation = ['oci:pull', 'oci:push']
      .map((action) => ({ action, connection: connection.name, path, ref: digest }))
      .find((one) => deps.gatekeeper().would(step, one, { anyRef: true, granted: true }))
    if (operation === undefined)
      return {
        why: `to look for attestations beside it, role "${step.role}" needs the grant "oci:pull ${connection.name}/${path}"`,
      }
    const permit = await deps
      .gatekeeper()
      .permit(step, connection, [operation], { oci: { referrers: digest } }, true)
    if (!permit.allow) return { why: permit.message }
    const access = openOwnAccess(connection, deps.upstreamOf(step), AbortSignal.timeout(askedMs))
    const read = readerOf(openOwnRegistry(access, deps.clock), permit, path)
    try {
      const [{ bundles, isCut, unread }, platforms] = await Promise.all([
        bundlesBeside(read, digest),
        platformsOf(read, digest, manifest),
      ])
      return { bundles, isCut, platforms, ...(unread instanceof UpstreamBusy ? { isBusy: true } : {}) }
    } catch (error) {
      if (error instanceof UpstreamBusy) return { why: 'its registry is busy: try again', isBusy: true }
      // What a registry says may be the credential that it was sent, and this is told to the step.
      const isAway = error instanceof MayflyError && error.code === 'upstream_unreachable'
      return { why: `its registry ${isAway ? 'does not answer' : 'does not say what stands beside it'}` }
    }
  }
}

interface Place {
  readonly host: string
  readonly port: number | undefined
  readonly repository: string
}

/** As container tools read a name: a first part with a dot, a port or called localhost is a registry, everything else is Docker Hub's. */
function placeOf(image: string): Place | undefined {
  const [first = '', ...rest] = image.split('/')
  const named = /^(?<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?<port>[0-9]{1,5}))?$/.exec(first)?.groups
  const isHost = rest.length > 0 && named !== undefined && /[.:]|^localhost$/.test(first)
  if (!isHost)
    return {
      host: 'registry-1.docker.io',
      port: undefined,
      repository: rest.length === 0 ? `library/${image}` : image,
    }
  const { host = '', port } = named
  const repository = rest.join('/')
  const isHub = host === 'docker.io' || host === 'index.docker.io'
  return {
    host: isHub ? 'registry-1.docker.io' : host.toLowerCase().replace(/^\[|\]$/g, ''),
    port: port === undefined ? undefined : Number(port),
    repository: isHub && rest.length === 1 ? `library/${repository}` : repository,
  }
}

function isAt({ kind, host, port, basePath }: Connection, place: Place): boolean {
  return kind === 'oci' && host === place.host && port === (place.port ?? 443) && basePath === '/v2'
}
