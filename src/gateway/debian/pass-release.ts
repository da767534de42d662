import type { Exchange } from '../exchange.ts'
import { answerBytes, deny, passFailure, refuse } from './answer.ts'
import { fetchRelease, type ReleaseDeps } from './fetch-release.ts'
import type { Lists } from './lists.ts'

export interface ReleaseRoute {
  /** Below the archive: `dists/bookworm`; empty for the archive itself. */
  readonly folder: string
  readonly file: 'InRelease' | 'Release' | 'Release.gpg'
}

/** Undefined for any other file. */
export function releaseRouteOf(path: string): ReleaseRoute | undefined {
  const at = path.lastIndexOf('/')
  const file = path.slice(at + 1)
  return file === 'InRelease' || file === 'Release' || file === 'Release.gpg'
    ? { folder: path.slice(0, Math.max(0, at)), file }
    : undefined
}

/** Nothing of what says which indexes there are goes to the step before signature, suite and age hold. */
export async function passRelease(
  exchange: Exchange,
  deps: ReleaseDeps,
  lists: Lists,
  { folder, file }: ReleaseRoute,
): Promise<void> {
  const operation = { action: 'debian:read', connection: exchange.connection.name, path: '' }
  const permit = await exchange.permit(operation, { debian: { folder } }, { anyRef: true })
  if (!permit.allow) return refuse(exchange, 403, permit.message)
  const beside = lists.signatures.get(folder)
  if (file === 'Release.gpg' && beside !== undefined) return answerBytes(exchange, beside)
  const within = file === 'InRelease'
  const fetched = await fetchRelease(exchange, deps, lists, permit, { folder, within })
  if ('failed' in fetched) return passFailure(exchange, fetched.failed)
  if ('refused' in fetched) return deny(exchange, fetched.refused)
  const { signed } = fetched
  if (!within) lists.signatures.set(folder, signed.signature)
  answerBytes(exchange, file === 'Release.gpg' ? signed.signature : signed.bytes)
}
