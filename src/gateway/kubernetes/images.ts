/** What a body brings into the cluster: the digest of each image that it names, `sha256:HEX`; else why they are not known. */
export type Images = readonly string[] | { readonly why: string }

/**
 * The images in a body that has been read, wherever they stand: of containers of any kind, in resources of others, too, and of volumes
 * (`image: { reference: ... }`). `body` is an object, or a JSON Patch (RFC 6902). What a controller puts in itself nobody sees here.
 */
export function imagesIn(body: unknown): Images {
  const found: unknown[] = []
  if (Array.isArray(body)) {
    for (const step of body as readonly unknown[]) {
      const { op, path, value } = (step ?? {}) as Readonly<Record<string, unknown>>
      // An image that another object names, or did, may be put in the place of one.
      if (op === 'copy' || op === 'move') return { why: 'a patch that copies or moves may bring any image' }
      const isWithin = typeof path === 'string' && path.split('/').includes('image')
      collect(isWithin ? { image: value } : value, found)
    }
  } else collect(body, found)
  const digests: string[] = []
  for (const image of found) {
    const digest = typeof image === 'string' ? /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] : undefined
    if (digest === undefined) {
      const named = typeof image === 'string' ? `"${image.slice(0, 200)}"` : 'it'
      return { why: `${named} names an image without its digest: write IMAGE@sha256:...` }
    }
    digests.push(digest)
  }
  return [...new Set(digests)]
}

function collect(value: unknown, found: unknown[]): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, one] of Object.entries(value)) {
    // Left out, or taken away by a patch.
    if (key !== 'image' || one === undefined || one === null) collect(one, found)
    else found.push(referenceIn(one))
  }
}

function referenceIn(image: unknown): unknown {
  const isObject = typeof image === 'object' && image !== null && !Array.isArray(image)
  return isObject ? (image as Readonly<Record<string, unknown>>)['reference'] : image
}
