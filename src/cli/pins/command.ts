import { imageNamed } from '../verify/image-name.ts'
import type { Reference } from '../../pipelines/index.ts'
import { isRefName, isRepository } from './tags.ts'

/** What says by hand which commit or digest a version has; undefined for a name that nobody should paste into a shell. */
export function pinCommand({ kind, name, version }: Reference, githubUrl: string): string | undefined {
  if (kind === 'image') {
    const image = version === undefined ? name : `${name}:${version}`
    return isImage(image) ? `skopeo inspect --format '{{.Digest}}' docker://${image}` : undefined
  }
  if (kind !== 'action' && kind !== 'workflow') return undefined
  const repository = name.split('/').slice(0, 2).join('/')
  if (!isRepository(repository) || version === undefined || !isRefName(version)) return undefined
  // Of an annotated tag the second line is the commit.
  return `git ls-remote ${githubUrl}/${repository} 'refs/tags/${version}' 'refs/tags/${version}^{}'`
}

function isImage(image: string): boolean {
  try {
    imageNamed(image)
    return true
  } catch {
    return false
  }
}
