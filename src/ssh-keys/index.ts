/** Keys as OpenSSH writes them, and the wire form of RFC 4251, section 5. */
export {
  curves,
  hasPassphrase,
  isOpensshKey,
  publicBlob,
  readOpensshKey,
  writeOpensshKey,
} from './openssh-key.ts'
export { Reader, mpint, text, u32, u64 } from './wire.ts'
