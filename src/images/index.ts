/**
 * Manifests and indexes of images, and what stands beside them in a registry, read in one way by whoever asks: the gateway, which passes or
 * judges them, and `mayfly verify`. Asks no registry itself. Refuses what another reader may read otherwise: what is refused here says
 * nothing.
 * Invariant: a part counts only under the digest that it has.
 */
export {
  besideDigest,
  digestOf,
  indexIn,
  indexType,
  integrityOf,
  manifestTypes,
  mediaTypeIn,
  readManifest,
  toldDigest,
  type Descriptor,
  type Manifest,
} from './manifest.ts'
export { bundlesBeside, type Bundles } from './bundles.ts'
export { challengesIn, type Challenge } from './challenges.ts'
export { platformsOf, type InHand } from './platforms.ts'
export { nextQuery, queryText } from './next-page.ts'
export { referrersTag, type Part, type ReadPart } from './part.ts'
