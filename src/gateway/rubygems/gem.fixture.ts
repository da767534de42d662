import { gzipSync } from 'node:zlib'

/** One member of a tar (ustar); `patch` changes its head before the sum is made. */
export function tarMember(
  name: string,
  bytes: Buffer,
  patch: (head: Buffer) => void = () => undefined,
): Buffer {
  const head = Buffer.alloc(512)
  head.write(name, 0)
  head.write('0000644\0', 100)
  head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
  head.write('        ', 148)
  head.write('0', 156)
  head.write('ustar\u000000', 257)
  patch(head)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export const tarEnd = Buffer.alloc(1_024)

export function gemMetadata(name: string, version: string, platform = 'ruby'): string {
  return `--- !ruby/object:Gem::Specification\nname: ${name}\nversion: !ruby/object:Gem::Version\n  version: ${version}\nplatform: ${platform}\nauthors:\n- Octo\n`
}

/** A .gem as `gem build` lays it out. */
export function makeGem(name: string, version: string, platform?: string, data = 'data'): Buffer {
  return Buffer.concat([
    tarMember('metadata.gz', gzipSync(gemMetadata(name, version, platform))),
    tarMember('data.tar.gz', gzipSync(data)),
    tarMember('checksums.yaml.gz', gzipSync('---\n')),
    tarEnd,
  ])
}
