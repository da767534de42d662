/** What a body brings into the cluster: each image that it names, by its digest `sha256:HEX`; else why they are not known. */
export type Images = ReadonlyMap<string, string> | { readonly why: string }

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
  const images = new Map<string, string>()
  for (const image of found) {
    const parts = typeof image === 'string' ? /^([^@]*)@(sha256:[0-9a-f]{64})$/.exec(image) : null
    if (parts === null) {
      const named = typeof image === 'string' ? `"${image.slice(0, 200)}"` : 'it'
      return { why: `${named} names an image without its digest: write IMAGE@sha256:...` }
    }
    const [, name = '', digest = ''] = parts
    // With a tag and a digest the digest counts.
    if (!images.has(digest)) images.set(digest, name.replace(/:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, ''))
  }
  return images
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
