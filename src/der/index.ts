/**
 * DER (ITU-T X.690): what certificates and timestamps are written in. Reads only the one encoding that DER has for a value, so two
 * readers never take the same bytes for different things. Knows no certificate: who calls knows what he expects.
 * Invariant: whatever was read writes itself as the same bytes.
 */
export { DerError, readDer, type DerNode } from './read.ts'
export * as der from './write.ts'
export {
  integerBytesOf,
  namedBitsOf,
  oidOf,
  refuseFalse,
  tags,
  textOf,
  timeOf,
  unsignedOf,
  unsignedUnder,
} from './values.ts'
