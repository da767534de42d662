/**
 * Where the bytes come from that are scanned: a folder or a file, what is staged, the history of a repository, a range of commits,
 * an image, a stream. Each source is an `AsyncIterable<Batch>`: work
 * of a few megabytes or files. Lists here, in the main thread; opens, reads and unpacks where `createBatchReader` is called, which is in
 * the workers:
 *
 *     for await (const batch of folderSource('.', { unseen })) await anyFreeWorker(batch)   // postMessage({ parts, buffer }), and batch.done?.() behind it
 *     const read = createBatchReader({ overlap, visit: (content, part) => ..., unseen })    // in the worker
 *     await read(batch)
 *
 * `content` is what there is to scan (room `scan/unpack`: a hit counts if `content.from <= hit.start && hit.start < content.to`;
 * `content.position(hit.start)` is its place), `part` whence it came: its `name` and, of Git, its `blob`.
 *
 * Runs nothing that a repository names, follows no link, opens no pipe, and writes nothing.
 * Invariant: what could not be looked at is said to `unseen`, by the source or by the reader.
 */
export type { Batch, Part } from './model.ts'
export { folderSource, type FolderOptions } from './folder.ts'
export { stagedSource } from './staged.ts'
export { historySource } from './history.ts'
export { attributeBlobs, commitsNamed, commitsSource, type Revisions } from './commits.ts'
export { pushedRevisions } from './pushed.ts'
export type { BlobOrigin, BlobOrigins } from './changes.ts'
export { ignoredPaths, submodulePaths } from './worktree.ts'
export { imageSource } from './image.ts'
export { streamSource } from './stream.ts'
export { createBatchReader, type ReadOptions } from './read-batch.ts'
export type { GitPlace } from './git.ts'
