import { generateKeyPairSync, sign } from 'node:crypto'
import {
  encodeVerifierKey,
  keyIdOf,
  leafHash,
  parseTilePath,
  signatureLine,
  tileWidth,
} from '../../audit/verify/index.ts'
import { referenceRoot } from '../../audit/verify/reference.fixture.ts'

export interface TestSumdb {
  readonly name: string
  /** As GOSUMDB takes it. */
  readonly key: string
  /** Adds a record (lines of go.sum) under these names, `MODULE@VERSION`; returns its number. */
  add(record: string, ...names: readonly string[]): number
  /** As many records that nobody asks for. */
  fill(count: number): void
  /** A signed head of the tree as it was at this size. */
  head(size?: number): string
  /** What `lookup/` answers, with the head of a tree of this size. */
  answer(name: string, size?: number): string
  /** What is at a path below `/sumdb/NAME/`, tiles of any tree up to now among it. */
  serve(path: string): string | Buffer | undefined
}

/** A checksum database by golang.org/x/mod/sumdb: real keys, a real tree; go itself takes it. */
export function createTestSumdb(name = 'sum.test', keys = generateKeyPairSync('ed25519')): TestSumdb {
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const records: string[] = []
  const leaves: Uint8Array[] = []
  const byName = new Map<string, number>()

  const sumdb: TestSumdb = {
    name,
    key: encodeVerifierKey(name, 'note', publicKey),
    add(record, ...names) {
      for (const one of names) byName.set(one, records.length)
      leaves.push(leafHash(Buffer.from(record)))
      return records.push(record) - 1
    },
    fill(count) {
      for (let i = 0; i < count; i++) {
        const of = `example.org/x${records.length}`
        const sum = `h1:${'A'.repeat(43)}=`
        sumdb.add(`${of} v1.0.0 ${sum}\n${of} v1.0.0/go.mod ${sum}\n`)
      }
    },
    head(size = records.length) {
      const root = Buffer.from(referenceRoot(leaves.slice(0, size))).toString('base64')
      const text = `go.sum database tree\n${size}\n${root}\n`
      const signature = sign(null, Buffer.from(text), keys.privateKey)
      return `${text}\n${signatureLine({ name, keyId: keyIdOf(name, 'note', publicKey), signature })}`
    },
    answer(of, size) {
      const id = byName.get(of) ?? -1
      return `${id}\n${records[id]}\n${sumdb.head(size)}`
    },
    serve(path) {
      if (path === 'supported') return ''
      if (path === 'latest') return sumdb.head()
      const asked = /^lookup\/(?<name>.+)$/.exec(path)?.groups?.['name']
      const of = asked?.replaceAll(/!([a-z])/g, (_, letter: string) => letter.toUpperCase())
      if (of !== undefined) return byName.has(of) ? sumdb.answer(of) : undefined
      const tile = parseTilePath(path.replace(/^tile\/8\//, 'tile/'))
      if (tile === undefined || tile.level === 'entries') return undefined
      const span = tileWidth ** tile.level
      const first = tile.index * tileWidth
      if ((first + tile.width) * span > leaves.length) return undefined
      const hashes = Array.from({ length: tile.width }, (_, i) =>
        referenceRoot(leaves.slice((first + i) * span, (first + i + 1) * span)),
      )
      return Buffer.concat(hashes)
    },
  }
  return sumdb
}
