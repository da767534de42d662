/**
 * What the log and the witness stand on: files that are there whole or not at all, and a folder with one writer.
 * Knows nothing of what is in them.
 */
export * from './fs.ts'
export { type FolderLock, lockFolder } from './lock.ts'
