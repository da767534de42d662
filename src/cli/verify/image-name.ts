import { MayflyError } from '../../lib/index.ts'
import { digestIn } from '../digest-text.ts'

/** An image as it is written: `REGISTRY/REPOSITORY:TAG`, `REGISTRY/REPOSITORY@sha256:HEX`, with or without `oci://`. */
export interface ImageName {
  readonly host: string
  readonly repository: string
  /** Tag or digest. */
  readonly ref: string
}

/** As container tools read it: without a registry it is Docker Hub's. Throws `bad_input`. */
export function imageNamed(written: string): ImageName {
  const text = written.replace(/^oci:\/\//, '')
  const parts =
    /^(?<name>[A-Za-z0-9._/:[\]-]+?)(?:@(?<digest>sha(?:256|512):[0-9A-Fa-f]+)|:(?<tag>\w[\w.-]{0,127}))?$/.exec(
      text,
    )?.groups
  const { name = '', digest, tag = 'latest' } = parts ?? {}
  const [first = '', ...rest] = name.split('/')
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(first)
  const host = hasHost && !/^(?:index\.)?docker\.io$/.test(first) ? first : 'registry-1.docker.io'
  const path = hasHost ? rest.join('/') : name
  // With a tag and a digest the digest counts.
  const plain = digest === undefined ? path : path.replace(/:\w[\w.-]{0,127}$/, '')
  const repository = host === 'registry-1.docker.io' && !plain.includes('/') ? `library/${plain}` : plain
  if (!/^[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*$/.test(repository))
    throw new MayflyError('bad_input', `${written} is no image: write oci://REGISTRY/REPOSITORY:TAG`)
  return { host, repository, ref: digest === undefined ? tag : (digestIn(digest) ?? digest) }
}
