import type { StoredStepMaterials } from '../../broker/index.ts'
import type { Published, Waits } from './recorded.ts'

/** Of an entry's JSON, which has room for more. */
const batchBytes = 24_000

/** As many of the first one's type and connection as an entry has room for. */
export function nextBatch(done: readonly Waits[]): readonly Waits[] {
  let bytes = 0
  const [first] = done
  const end = done.findIndex(({ type, connection, item }, at) => {
    bytes += JSON.stringify(item).length
    return at > 0 && (bytes > batchBytes || connection !== first?.connection || type !== first.type)
  })
  return end === -1 ? [...done] : done.slice(0, end)
}

/** What of it attestations speak of. */
export function keptOf(batch: readonly Waits[]): Parameters<StoredStepMaterials['keep']>[1] {
  return {
    materials: batch.flatMap((one) => {
      if (one.type === 'fetched') {
        const { repository, commit } = one.item
        return [
          {
            uri: `git+${repository}`,
            integrity: `gitCommit:${commit}`,
            by: 'digest',
            connection: one.connection,
          },
        ]
      }
      if (one.type !== 'packages.downloaded') return []
      const { purl, integrity, sha256, by, part } = one.item
      return [{ uri: purl, integrity, sha256, by, part, connection: one.connection }]
    }),
    published: batch.flatMap((one) => {
      const digest = one.type === 'packages.published' ? sha256Of(one.item) : undefined
      if (one.type !== 'packages.published' || digest === undefined) return []
      const { purl: name, bytes, tag } = one.item
      return [{ name, digest, bytes, tag, connection: one.connection }]
    }),
  }
}

/** `sha256:HEX` of what was sent; undefined where only another algorithm is known. */
export function sha256Of({ integrity, sha256 }: Pick<Published, 'integrity' | 'sha256'>): string | undefined {
  if (sha256 !== undefined) return `sha256:${sha256}`
  const base64 = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(integrity)?.[1]
  return base64 === undefined ? undefined : `sha256:${Buffer.from(base64, 'base64').toString('hex')}`
}
