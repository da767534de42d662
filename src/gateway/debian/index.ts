import { MayflyError, messageOf, type Clock } from '../../lib/index.ts'
import { keepOnly, type Exchange, type HttpHandler, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { createPermitOnce } from '../once.ts'
import { deny, passFailure, refuse } from './answer.ts'
import { createKnownIndexes, createListsOf, type Lists } from './lists.ts'
import type { ArchiveDates } from './fetch-release.ts'
import { passRelease, releaseRouteOf } from './pass-release.ts'
import { createRecovery } from './recover.ts'
import { createIndexReader, indexFormOf, plainPath, type PoolFile } from './pool-index.ts'
import { readingBody } from './reading-body.ts'
import type { ListedFile } from './release.ts'
import { createSignatureCheck } from './signature.ts'

/**
 * Archives of Debian packages, as apt reads them. A chain holds every byte: the keyring the signature of InRelease, this the
 * indexes, these each package and source. So a package passes where an index names it, and under a grant that names it; the index
 * says which package a file is, not its address. Refuses every other file of the host, and what writes.
 */
export function createDebianHandler(deps: {
  readonly clock: Clock
  readonly archiveDates?: ArchiveDates
}): HttpHandler {
  const listsOf = createListsOf()
  const known = createKnownIndexes()
  const checkSignature = createSignatureCheck()
  const permitOnce = createPermitOnce()
  const releaseDeps = { ...deps, checkSignature, known }
  const recovery = createRecovery(releaseDeps)

  async function pass(exchange: Exchange): Promise<void> {
    const { request, path: written, query } = exchange
    const path = query === '' ? plainPath(unescaped(written)) : undefined
    if (request.method !== 'GET' || path === undefined)
      return deny(exchange, 'only files of the archive pass here, by GET')
    const lists = listsOf(exchange)
    const release = releaseRouteOf(path)
    const before = lists.listed(path)
    // Folders below a suite have a Release of their own, which the suite lists as any other file; none lists itself.
    if (release !== undefined && (before === undefined || before.folder === release.folder))
      return passRelease(exchange, releaseDeps, lists, release)
    const permit = await permitOnce(exchange, 'debian:read')
    if (!permit.allow) return refuse(exchange, 403, permit.message)
    if (before === undefined && lists.find(path) === undefined)
      await recovery.releases(exchange, permit, lists)
    const listed = lists.listed(path)
    if (listed !== undefined) return passListed(exchange, permit, lists, listed)
    if (lists.find(path) === undefined && isPackage.test(path))
      await recovery.indexes(exchange, permit, lists, path)
    const found = lists.find(path)
    if (found === 'contradicted') return deny(exchange, 'two indexes of the archive say two things of it')
    if (found !== undefined) return passPackage(exchange, found)
    deny(
      exchange,
      lists.releases.size === 0
        ? 'the step has read no index of this archive: run apt-get update in the same step first'
        : 'no signed index that the step has read lists it',
    )
  }

  async function passListed(
    exchange: Exchange,
    permit: Permit,
    lists: Lists,
    { folder, file }: { readonly folder: string; readonly file: ListedFile },
  ): Promise<void> {
    if (/\.diff\//.test(file.path))
      return deny(exchange, 'an index comes as a whole here, not by its differences (pdiff)')
    const form = indexFormOf(file.path)
    if (form === 'unread') return deny(exchange, 'an index comes as .xz, .gz or .zst here')
    const before = known.of(file)
    const upstream = await follow(exchange, permit, exchange.path)
    if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
    keepOnly(upstream, ['content-length', 'content-type', 'last-modified'])
    const whole = lists.releases.get(folder)?.files.get(file.path.replace(/\.(?:xz|gz|zst)$/, ''))?.bytes
    const reader =
      form === undefined || before !== undefined
        ? undefined
        : createIndexReader(form, Math.min(whole ?? maxIndexBytes, maxIndexBytes))
    if (before !== undefined) lists.add(folder, file, before)
    const check = readingBody(file, reader, (index) => {
      known.keep(file, index)
      lists.add(folder, file, index)
    })
    await exchange.deliver(upstream, { what: file.path, integrity: check, by: 'signature' })
  }

  return async (exchange) => {
    try {
      await pass(exchange)
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'denied') throw error
      deny(exchange, messageOf(error))
    }
  }
}

/** Of binary and of source packages. */
const isPackage = /\.(?:u?deb|dsc|tar\.[a-z0-9]+|diff\.gz|asc)$/
/** What an index unpacks to: Debian's main has 50 MB. */
const maxIndexBytes = 536_870_912

async function passPackage(
  exchange: Exchange,
  { file, origin }: { readonly file: PoolFile; readonly origin: string },
): Promise<void> {
  const { connection, path: written } = exchange
  const { name, version, architecture, integrity } = file
  const operation = { action: 'debian:download', connection: connection.name, path: name, ref: version }
  const permit = await exchange.permit(operation, { debian: { architecture } })
  if (!permit.allow) return refuse(exchange, 403, permit.message)
  const vendor = origin.toLowerCase()
  const namespace = /^[a-z0-9][a-z0-9.-]*$/.test(vendor) ? `${vendor}/` : ''
  const download = {
    purl: `pkg:deb/${namespace}${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`,
    what: `${name} ${version} (${architecture})`,
    place: unescaped(written),
    integrity,
    by: 'signature',
    refuse: (message: string) => refuse(exchange, 403, message),
  } as const
  if (await exchange.deliverKept(permit, download)) return
  const upstream = await follow(exchange, permit, written)
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  keepOnly(upstream, ['content-length', 'content-type', 'last-modified'])
  await exchange.deliver(upstream, download)
}

function unescaped(path: string): string {
  return path
    .slice(1)
    .replaceAll(/%(2b|7e|3a)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
