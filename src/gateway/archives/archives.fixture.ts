import { gzipSync } from 'node:zlib'

export interface Packed {
  readonly name: string
  readonly content?: string | Buffer
  readonly type?: string
  readonly prefix?: string
}

/** Headers and content, without the end. */
export function tarEntry({ name, content = '', type = '0', prefix = '' }: Packed): Buffer {
  const bytes = Buffer.from(content)
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('000644 \u00000000000 \u00000000000 \u0000', 100)
  header.write(`${bytes.length.toString(8).padStart(11, '0')} 00000000000 `, 124)
  header.write(`        ${type}`, 148)
  header.write('ustar\u000000', 257)
  header.write(prefix, 345)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export function tarOf(...entries: readonly Packed[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)])
}

export function tgzOf(...entries: readonly Packed[]): Buffer {
  return gzipSync(tarOf(...entries))
}

export function paxOf(records: Readonly<Record<string, string>>, type = 'x'): Packed {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    const length = rest + String(rest + String(rest).length).length
    return `${length} ${key}=${value}\n`
  })
  return { name: 'PaxHeader', type, content: lines.join('') }
}
