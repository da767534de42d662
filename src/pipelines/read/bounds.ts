/** What a file that a stranger wrote may make us do. */
export const bounds = {
  /** GitLab takes 1 MiB, GitHub half of it. */
  fileBytes: 1_048_576,
  /** Lists and mappings within each other; what reads them calls itself for each level. */
  depth: 100,
  /** Names, values and list entries looked at, those reached by aliases counted each time: a few lines of aliases can stand for gigabytes. */
  visits: 200_000,
  /** References to secrets that are told of one file. */
  secrets: 5_000,
  /** Files read of one checkout. */
  files: 500,
  /** Entries of folders that are looked at for them. */
  folderEntries: 20_000,
  /** Files that include each other. */
  includeDepth: 10,
} as const

/** The reader gives up on a file here; what it has read so far is kept, and said to be a part. */
export class OverBound extends Error {}
