import { indexTypes, type Manifest } from './manifest.ts'
import { heldManifest, manifestAt, type ReadPart } from './part.ts'

/** A manifest that is in hand: one that is pushed is not there yet. */
export interface InHand {
  readonly bytes: Buffer
  readonly type: string
}

/**
 * The manifests of an index, each of which somebody may come to run; none if it is an image itself. What stands in an index of whose
 * platform it is, and what for, whoever pushed it wrote: an attestation of buildkit is one only if it cannot be run.
 */
export async function platformsOf(read: ReadPart, digest: string, inHand?: InHand): Promise<string[]> {
  const index =
    inHand === undefined ? await manifestAt(read, digest) : heldManifest(inHand.bytes, inHand.type, digest)
  if (index === undefined || !indexTypes.includes(index.type)) return []
  const platforms = new Set<string>()
  for (const child of index.manifests)
    if (!isNowhere(child.platform) || !isStatements(await manifestAt(read, child.digest)))
      platforms.add(child.digest)
  return [...platforms]
}

/** `unknown/unknown`, and nothing else: so buildkit marks what no runtime chooses. */
function isNowhere(platform: unknown): boolean {
  if (typeof platform !== 'object' || platform === null) return false
  const said = Object.entries(platform)
  return (
    said.length === 2 && said.every(([name, is]) => /^(?:os|architecture)$/.test(name) && is === 'unknown')
  )
}

/** All of its layers are in-toto statements: there is nothing to run, whoever chooses it. */
function isStatements(manifest: Manifest | undefined): boolean {
  const isImage = manifest?.type === 'application/vnd.oci.image.manifest.v1+json' && manifest.isImage
  if (!isImage || manifest.layers.length === 0) return false
  return manifest.layers.every(({ mediaType }) => mediaType === 'application/vnd.in-toto+json')
}
