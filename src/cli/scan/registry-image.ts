import { createHash } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { digestOf, manifestTypes, readManifest } from '../../images/index.ts'
import { limits, MayflyError } from '../../lib/index.ts'
import type { Unlooked } from '../../scan/reports/index.ts'
import { imageSource, type Batch } from '../../scan/sources/index.ts'
import { imageNamed } from '../verify/image-name.ts'
import { openParts, type ImageParts } from '../verify/registry.ts'

type Unseen = (unseen: Unlooked) => void

/** Of all platforms together. */
const [maxBlobs, maxBytes] = [10_000, 68_719_476_736]

/**
 * An image of a registry: all its platforms, each layer once, brought into a folder that `release` takes away. A part that has not its digest
 * is said, and not kept.
 */
export function registrySource(
  written: string,
  unseen: Unseen,
): { readonly batches: AsyncIterable<Batch>; readonly release: () => void } {
  const image = imageNamed(written)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-image-'))
  async function* batches(): AsyncGenerator<Batch> {
    await bring(openParts(image), image.ref, folder, unseen)
    yield* imageSource(folder, unseen)
  }
  return { batches: batches(), release: () => rmSync(folder, { recursive: true, force: true }) }
}

async function bring(parts: ImageParts, ref: string, folder: string, unseen: Unseen): Promise<void> {
  const accept = manifestTypes.join(', ')
  const first = await parts.read(`manifests/${ref}`, accept, limits.manifestBytes)
  if (first === undefined)
    throw new MayflyError(
      'not_found',
      'the registry has no such image, or does not show it: mayfly scan --image REGISTRY/REPOSITORY:TAG',
    )
  const digest = digestOf(first.bytes, ref)
  if (ref.includes(':') && digest !== ref)
    throw new MayflyError('denied', `the registry sent another image than its digest names: ${digest}`)
  const descriptor = { mediaType: first.type, digest, size: first.bytes.length }
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }))
  const waiting = [{ digest, ...first }]
  const brought = new Set([digest])
  const left = { bytes: maxBytes }
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    writeFileSync(placeOf(folder, next.digest), next.bytes)
    const manifest = readManifest(next.bytes, next.type)
    if (typeof manifest === 'string') {
      unseen({ name: next.digest, code: 'broken', why: manifest })
      continue
    }
    const manifests = new Set(manifest.manifests.map((one) => one.digest))
    for (const child of manifest.children) {
      if (brought.has(child) || brought.size >= maxBlobs) continue
      brought.add(child)
      if (!manifests.has(child)) await bringBlob(parts, child, folder, left, unseen)
      else {
        const part = await parts.read(`manifests/${child}`, accept, limits.manifestBytes)
        if (part !== undefined && digestOf(part.bytes, child) === child)
          waiting.push({ digest: child, ...part })
        else unseen({ name: child, code: 'unreadable', why: 'the registry does not have it, or another one' })
      }
    }
  }
  if (brought.size >= maxBlobs)
    unseen({
      name: ref,
      code: 'limit',
      why: `it has more than ${maxBlobs} parts: the others were not looked at`,
    })
}

async function bringBlob(
  parts: ImageParts,
  digest: string,
  folder: string,
  left: { bytes: number },
  unseen: Unseen,
): Promise<void> {
  const hash = createHash(digest.startsWith('sha512:') ? 'sha512' : 'sha256')
  const file = placeOf(folder, digest)
  async function* checked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      left.bytes -= chunk.length
      if (left.bytes < 0) throw new MayflyError('limit_exceeded', `the image is over ${maxBytes} bytes`)
      hash.update(chunk)
      yield chunk
    }
  }
  const isThere = await parts.stream(`blobs/${digest}`, (chunks) =>
    pipeline(checked(chunks), createWriteStream(file, { flags: 'wx', mode: 0o600 })),
  )
  // One that is missing is said by what reads the layout.
  if (!isThere || hash.digest('hex') === digest.slice(digest.indexOf(':') + 1)) return
  rmSync(file)
  unseen({ name: digest, code: 'broken', why: 'the registry sent other bytes than its digest names' })
}

/** `images` takes no digest but an algorithm and hexadecimal digits. */
function placeOf(folder: string, digest: string): string {
  const place = join(folder, 'blobs', digest.replace(':', '/'))
  mkdirSync(dirname(place), { recursive: true })
  return place
}
