import { joinIntegrity, type Pins } from '../../lockfiles/index.ts'
import type { Exchange } from '../exchange.ts'
import type { DownloadRoute } from './route.ts'

const cratesIo = /^https:\/\/(?:github\.com\/rust-lang\/crates\.io-index|index\.crates\.io)\/?$/

/**
 * What Cargo.lock says of one version, as Subresource Integrity text; undefined if it does not have it from here. A source of
 * crates.io counts at every registry, since any may stand in for it.
 */
export function pinnedAt(
  { connection }: Exchange,
  pins: Pins,
  { crate, spelled, version }: DownloadRoute,
): Pinned | undefined {
  const found = pins
    .of('cargo', crate, version)
    // In another spelling it would be another package to whoever blocks it or remembers its digest.
    .filter(({ file }) => file === `${spelled}-${version}.crate`)
    .filter(
      ({ resolved = '' }) => cratesIo.test(resolved) || URL.parse(resolved)?.hostname === connection.host,
    )
  const [first, ...others] = found
  if (first === undefined) return undefined
  const integrity = others.reduce<string | undefined>(
    (joined, pin) => (joined === undefined ? undefined : joinIntegrity(joined, pin.integrity)),
    first.integrity,
  )
  if (integrity === undefined) return { ok: false, why: 'two Cargo.lock files of the workspace differ' }
  return integrity === ''
    ? { ok: false, why: 'Cargo.lock has no checksum of it: run cargo update and commit it' }
    : { ok: true, integrity }
}

export type Pinned =
  | { readonly ok: true; readonly integrity: string }
  | { readonly ok: false; readonly why: string }
