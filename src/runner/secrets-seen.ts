import { isPlanted } from './credentials/index.ts'

/** Secrets that were masked in what one step says, by name: of use to a monitor, and no help to anybody else. */
export interface SecretsSeen {
  readonly add: (name: string) => void
  /** The names that were seen most often. */
  list(): { name: string; count: number }[]
}

const maxNames = 100
const maxNameChars = 256

/** `mask` takes secrets out of the names, too: a job may have anything for a variable's name. */
export function createSecretsSeen(mask: (text: string) => string): SecretsSeen {
  const counts = new Map<string, number>()
  return {
    add(name) {
      // What opens nothing is no secret that was let out; to use it is what is recorded.
      if (!isPlanted(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
    },
    list: () =>
      Array.from(counts, ([name, count]) => ({ name: mask(name).slice(0, maxNameChars), count }))
        .sort((a, b) => b.count - a.count)
        .slice(0, maxNames),
  }
}
