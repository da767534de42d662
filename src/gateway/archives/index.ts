/**
 * Reads packages as they are published: a tar in one gzip member, or a zip, and of all their files the one that says what the package is. Readers
 * of such archives differ on what is rare in them, so what is rare is refused: whoever packed it could otherwise show one file here
 * and another one to those who install it. Writes nothing.
 * Invariant: an archive is read as it comes, in bounded memory, and what is taken from it every reader finds there.
 */
export { unpackOne } from './gzip.ts'
export { foldedName } from './folded-name.ts'
export { readTar, type TarContents } from './tar.ts'
export { pieces, type ReadAt } from './read-at.ts'
export { readZip, type ZipContents } from './zip.ts'
