import { der, readDer, tags } from '../../der/index.ts'

const granted = der.sequence(der.integer(0))

/** Bundles hold a response (RFC 3161, section 2.4.2). A token alone, which begins with an OID, is put into one that says granted. */
export function responseOf(timestamp: Buffer): Buffer {
  const [first] = readDer(timestamp).children()
  return first?.tag === tags.oid ? der.sequence(granted, timestamp) : timestamp
}
