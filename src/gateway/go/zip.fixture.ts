import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  readonly name: string | Buffer
  readonly content: string | Buffer
  /** What the headers say it unpacks to, if that is a lie. */
  readonly claimedBytes?: number
  readonly method?: number
  /** Fields of its own, in front of the content and in the directory. */
  readonly localExtra?: Buffer
  readonly extra?: Buffer
  /** Behind the packed content, and counted to it. */
  readonly rest?: Buffer
  /** Kind and rights as Unix has them. */
  readonly mode?: number
}

const none = Buffer.alloc(0)

/** A zip file by hand (PKWARE APPNOTE), so that it can be one that no tool writes. */
export function makeZip(entries: readonly ZipEntry[], comment = ''): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const entry of entries) {
    const name = Buffer.from(entry.name as string)
    const content = Buffer.from(entry.content as string)
    const { method = 8, extra = none, localExtra = none, rest = none } = entry
    const packed = Buffer.concat([method === 0 ? content : deflateRawSync(content), rest])
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(0x800, 2)
    common.writeUInt16LE(method, 4)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(entry.claimedBytes ?? content.length, 18)
    common.writeUInt16LE(name.length, 22)
    common.writeUInt16LE(localExtra.length, 24)
    const head = Buffer.from('PK\x03\x04', 'latin1')
    const local = Buffer.concat([head, common, name, localExtra, packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt16LE(entry.mode ?? 0, 8)
    tail.writeUInt32LE(at, 10)
    const said = Buffer.from(common)
    said.writeUInt16LE(extra.length, 24)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), said, tail, name, extra]))
    parts.push(local)
    at += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(at, 16)
  end.writeUInt16LE(comment.length, 20)
  return Buffer.concat([...parts, central, end, Buffer.from(comment)])
}
